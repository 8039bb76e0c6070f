package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/plugproof/plugproof/verify/supply/gorelease"
)

// goWishes name an archive of Go, its signature and the keys.
type goWishes struct{ archive, signature, keys string }

// verifyGo holds an archive of Go against its signature. What is refused is a finding.
func (a *app) verifyGo(w goWishes, doc *kitVerifyDoc) error {
	const hint = "give --go-key the file linux_signing_key.pub, as Google publishes it beside the fingerprint that plugproof pins"
	if w.keys == "" {
		return usagef(hint, "an archive proves nothing by itself")
	}
	if w.signature == "" {
		w.signature = w.archive + ".asc"
	}
	keys, err := a.smallFile(w.keys, hint)
	if err != nil {
		return err
	}
	sig, err := a.smallFile(w.signature, "give --asc the signature, which is published beside the archive")
	if err != nil {
		return err
	}
	path := a.path(w.archive)
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is no regular file", w.archive)
	}
	if err != nil {
		return usagef("give --go-archive an archive of Go", "%w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return usagef("give --go-archive an archive of Go", "%w", err)
	}
	defer f.Close()
	signed, err := gorelease.Check(f, sig, keys, gorelease.Primary)
	for _, refusal := range []error{gorelease.ErrFormat, gorelease.ErrKeyring, gorelease.ErrSigner, gorelease.ErrSignature, gorelease.ErrRevoked, gorelease.ErrExpired} {
		if errors.Is(err, refusal) {
			doc.Findings = append(doc.Findings, kitFinding{Kind: "go", Path: w.archive, Text: err.Error()})
			return nil
		}
	}
	if err != nil {
		return usagef("give --go-archive an archive of Go", "reading %q: %w", w.archive, err)
	}
	doc.Go = &goArchive{w.archive, signed}
	return nil
}
