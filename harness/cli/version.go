package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plugproof/plugproof/results"
)

// versionDoc is the `version --json` document.
type versionDoc struct {
	Schema   string   `json:"schema"`
	Version  string   `json:"version"`  // the module's, "(devel)" if it was built outside a version
	Revision string   `json:"revision"` // of the checkout it was built from
	Modified *bool    `json:"modified"` // whether that checkout had changes; null if not known
	Go       string   `json:"go"`       // that built it
	OS       string   `json:"os"`
	Arch     string   `json:"arch"`
	Schemas  []string `json:"schemas"` // of the documents it reads and writes
}

// readVersion says what this binary is, from what the go command wrote into it.
func readVersion() versionDoc {
	doc := versionDoc{Schema: "plugproof/version/v1", Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Schemas: []string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			doc.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				doc.Revision = s.Value
			case "vcs.modified":
				modified := s.Value == "true"
				doc.Modified = &modified
			}
		}
	}
	for _, kind := range results.Schemas() {
		var head struct {
			ID string `json:"$id"`
		}
		raw, err := results.Schema(kind)
		if err == nil && json.Unmarshal(raw, &head) == nil {
			doc.Schemas = append(doc.Schemas, head.ID)
		}
	}
	return doc
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which plugproof this is",
		Long: `Say which plugproof this is: version, Go, the revision that it was built from, and the schemas of the documents that
it writes.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			doc := readVersion()
			if a.json {
				return a.printJSON(doc)
			}
			text := fmt.Sprintf("plugproof %s %s/%s, built with %s\n", doc.Version, doc.OS, doc.Arch, doc.Go)
			if doc.Revision != "" {
				text += "revision " + doc.Revision
				if doc.Modified != nil && *doc.Modified {
					text += ", modified"
				}
				text += "\n"
			}
			return a.print(text + "schemas " + strings.Join(doc.Schemas, " ") + "\n")
		},
	}
}
