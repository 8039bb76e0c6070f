package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plugproof/plugproof/verify/abi"
)

// orderSets are plugins of one host of which every order is opened for real: what `abi --orders` finds must be among the orders in which all
// open, and where it finds none there must be none.
var orderSets = []string{
	"p1.so p2.so p3.so",
	"p2.so p3-extra.so p1.so",
	"p3-extra.so p4-extra.so p2-bare.so",
	"p4.so p5.so p5-second.so",
	"needs.so p1.so needs-path.so",
	"needs.so p1.so p5-foo.so",
	"p4.so p5.so cgo.so",
	"p2-import.so p1.so p5.so",
	"p1-shared.so p1.so",
	"copy.so p2.so p1.so",
	"p2-shared.so p3.so",
}

// ordered are all orders of each set, for a Go on each target.
func ordered(goName string, on []target) []sequence {
	var out []sequence
	for _, t := range on {
		for _, set := range orderSets {
			each(strings.Fields(set), nil, func(order []string) {
				out = append(out, parse(t, goName, "order", "host "+strings.Join(order, " "), ""))
			})
		}
	}
	return out
}

// each calls visit with every order of words.
func each(words, done []string, visit func([]string)) {
	if len(words) == 0 {
		visit(slices.Clone(done))
	}
	for i, w := range words {
		each(slices.Delete(slices.Clone(words), i, i+1), append(done, w), visit)
	}
}

// set is a sequence's plugins without their order.
func (s sequence) set() string {
	words := slices.Sorted(slices.Values(s.plugins))
	return fmt.Sprint(s.target, " ", s.goName, " ", s.host, " ", strings.Join(words, " "))
}

// checkOrders compares abi's answers about orders with what every order did.
func (a *agree) checkOrders(c *counts, scenes []*scene, got []*seen) error {
	good := map[string][]string{} // by set, the orders in which all opened and the process lived
	first := map[string]*scene{}
	var sets []string
	for i, sc := range scenes {
		if sc.what != "order" {
			continue
		}
		key := sc.set()
		if first[key] == nil {
			first[key] = sc
			sets = append(sets, key)
		}
		if got[i].Kind == "exit" && allOK(got[i]) {
			good[key] = append(good[key], strings.Join(sc.names[1:], " "))
		}
	}
	for _, key := range sets {
		host, ins, opt, done, err := a.inputs(first[key])
		if err != nil {
			return err
		}
		said, err := abi.CheckOrders(host, ins, opt)
		done()
		if err != nil {
			return fmt.Errorf("finding an order of %s: %w", first[key], err)
		}
		switch order := strings.Join(said.Safe, " "); {
		case said.Safe == nil && len(good[key]) > 0:
			c.wrong = append(c.wrong, fmt.Sprintf("%s\n  no order is found, but all open in the order %q", first[key], good[key][0]))
		case said.Safe != nil && !slices.Contains(good[key], order):
			c.wrong = append(c.wrong, fmt.Sprintf("%s\n  not all open in the order that is found: %q", first[key], order))
		case said.Safe != nil:
			c.orders++
		default:
			c.noOrders++
		}
	}
	return nil
}

func allOK(s *seen) bool {
	for _, p := range s.Plugins {
		if p.Outcome != "ok" {
			return false
		}
	}
	return true
}
