// Package recordtest makes records for tests.
package recordtest

import "github.com/plugproof/plugproof/results"

// Looked gives a record that passes what it was about: a plugin, and of a rebuild the host and both sides' files. Content is what all the files hold.
func Looked(r results.Record, content string) results.Record {
	if r.Verdict == "" {
		r.Verdict = "ok"
	}
	d := results.DigestOf([]byte(content))
	subject := results.Subject{Name: "./p", Status: results.Pass, Verdict: r.Verdict, Expected: r.Verdict}
	r.Expected, r.Subjects = r.Verdict, []results.Subject{subject}
	names := []string{"host", "plugin.0"}
	switch r.Step {
	case results.Rebuild:
		host := subject
		host.Name = "host"
		r.Subjects = []results.Subject{host, subject}
		names = []string{"host.a", "host.b", "plugin.0.a", "plugin.0.b"}
	case results.Load:
		names = nil
	}
	r.Artifacts = nil
	for _, n := range names {
		r.Artifacts = append(r.Artifacts, results.Artifact{Name: n, SHA256: d, Size: 1})
	}
	return r
}
