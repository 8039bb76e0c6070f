package main

import (
	"fmt"
	"os"
	"strings"
)

// The table stands between these lines of a README.
const (
	tableBegins = "<!-- score: written by make score -->\n"
	tableEnds   = "<!-- score ends -->\n"
)

// quote puts a table into the page in file.
func quote(file, table string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, _, after, err := quoted(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(before+tableBegins+table+tableEnds+after), 0o644)
}

// quoted finds the table of a page.
func quoted(page string) (before, table, after string, err error) {
	before, rest, ok := strings.Cut(page, tableBegins)
	table, after, closed := strings.Cut(rest, tableEnds)
	if !ok || !closed {
		return "", "", "", fmt.Errorf("there is no place for a table: %q", strings.TrimSpace(tableBegins))
	}
	return before, table, after, nil
}
