package actions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of a graph. That of a build of 1,500 packages has 3 MB, 20 MB with all its commands.
const (
	maxGraph = 64 << 20 // bytes
	maxNodes = 1 << 18
	maxEdges = 1 << 22
)

// Graph is what the file of -debug-actiongraph says of one build.
type Graph struct {
	nodes []node
	index map[string]int // places of builds and links by name; -1 if several of a name have other build IDs
}

// node is one action of a graph.
type node struct {
	mode, pkg         string
	deps              []int  // places in nodes
	actionID, buildID string // "" where the action has none
}

// content is what the build ID says of the action's output: its last part. A build ID is action/content, and that of a program
// link action/main action/main content/content.
func (n *node) content() string {
	i := strings.LastIndexByte(n.buildID, '/')
	if i < 0 {
		return ""
	}
	return n.buildID[i+1:]
}

// ReadGraph reads an array of actions. Fields and modes that it does not know are passed over. Each action may depend only on
// actions of the array.
func ReadGraph(r io.Reader) (*Graph, error) {
	in := &io.LimitedReader{R: r, N: maxGraph + 1}
	g, err := readGraph(json.NewDecoder(in))
	if in.N <= 0 {
		err = ErrTooLong
	}
	if err != nil {
		return nil, fmt.Errorf("reading a graph of actions: %w", err)
	}
	return g, nil
}

func readGraph(d *json.Decoder) (*Graph, error) {
	if t, err := d.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('[') {
		return nil, fmt.Errorf("it begins with %v and not with an array", t)
	}
	g := &Graph{}
	byID := map[int]int{}
	ids := [][]int{}
	edges := 0
	for d.More() {
		var a struct {
			ID                int
			Mode, Package     string
			Deps              []int
			ActionID, BuildID string
		}
		if err := d.Decode(&a); err != nil {
			return nil, fmt.Errorf("action %d: %w", len(g.nodes), err)
		}
		if edges += len(a.Deps); len(g.nodes) == maxNodes || edges > maxEdges {
			return nil, ErrTooLong
		}
		if _, twice := byID[a.ID]; twice {
			return nil, fmt.Errorf("there are two actions %d", a.ID)
		}
		byID[a.ID] = len(g.nodes)
		ids = append(ids, a.Deps)
		g.nodes = append(g.nodes, node{mode: a.Mode, pkg: a.Package, actionID: a.ActionID, buildID: a.BuildID})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the array")
	}
	for i, deps := range ids {
		for j, id := range deps {
			k, ok := byID[id]
			if !ok {
				return nil, fmt.Errorf("action %d depends on action %d, which is not there", i, id)
			}
			deps[j] = k
		}
		g.nodes[i].deps = deps
	}
	g.names()
	return g, nil
}

// find is the node of a build or link, nil if the graph has none or several that differ.
func (g *Graph) find(name string) *node {
	if i, ok := g.index[name]; ok && i >= 0 {
		return &g.nodes[i]
	}
	return nil
}

// names makes the index.
func (g *Graph) names() {
	g.index = map[string]int{}
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.mode != Build && n.mode != Link || n.buildID == "" {
			continue
		}
		name := n.mode + " " + n.pkg
		if j, ok := g.index[name]; !ok {
			g.index[name] = i
		} else if j >= 0 && g.nodes[j].buildID != n.buildID {
			g.index[name] = -1
		}
	}
}
