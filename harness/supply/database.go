package supply

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
)

// DatabaseKey is the verifier key of the checksum database that the go command of a GOROOT trusts: the one entry of
// knownGOSUMDB in cmd/go/internal/modfetch/key.go.
func DatabaseKey(goroot string) (string, error) {
	name := filepath.Join(goroot, "src", "cmd", "go", "internal", "modfetch", "key.go")
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		return "", fmt.Errorf("finding the checksum database's key: %w", err)
	}
	key := ""
	ast.Inspect(f, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if v, ok := kv.Value.(*ast.BasicLit); ok && v.Kind == token.STRING {
				key, _ = strconv.Unquote(v.Value)
			}
		}
		return key == ""
	})
	if key == "" {
		return "", fmt.Errorf("finding the checksum database's key: %q names none", name)
	}
	return key, nil
}
