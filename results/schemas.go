package results

import (
	"embed"
	"fmt"
)

//go:embed *.schema.json
var schemas embed.FS

// Schema returns the JSON Schema of a document kind: "record", "plan", or the name of a command.
func Schema(kind string) ([]byte, error) {
	b, err := schemas.ReadFile(kind + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("no schema for %q", kind)
	}
	return b, nil
}

// Schemas returns the kinds that have a JSON Schema, sorted.
func Schemas() []string {
	entries, err := schemas.ReadDir(".")
	if err != nil {
		panic(err) // an embedded directory can be read
	}
	kinds := make([]string, len(entries))
	for i, e := range entries {
		kinds[i] = e.Name()[:len(e.Name())-len(".schema.json")]
	}
	return kinds
}
