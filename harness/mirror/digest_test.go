package mirror_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDigests: whatever digests of an answer an upstream sends, in whatever order, those that are known are checked, and others say nothing.
func TestDigests(t *testing.T) {
	const body = "index"
	of := func(text string) (string, string) {
		short, long := sha256.Sum256([]byte(text)), sha512.Sum512([]byte(text))
		return "sha-256=:" + base64.StdEncoding.EncodeToString(short[:]) + ":", "sha-512=:" + base64.StdEncoding.EncodeToString(long[:]) + ":"
	}
	short, long := of(body)
	otherShort, otherLong := of("other")
	for _, tt := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"none", nil, "200 index"},
		{"the one that this mirror sends", []string{short}, "200 index"},
		{"the longer one", []string{long}, "200 index"},
		{"both", []string{short + ", " + long}, "200 index"},
		{"both, in the other order", []string{long + "," + short}, "200 index"},
		{"both, in two fields", []string{long, short}, "200 index"},
		{"with parameters", []string{short + ";q=1"}, "200 index"},
		{"one that nobody knows", []string{"sha-999=:AAAA:"}, "200 index"},
		{"one that nobody knows, and one that is right", []string{"sha-999=:AAAA:, " + long}, "200 index"},
		{"one that nobody knows, and one that is wrong", []string{"sha-999=:AAAA:, " + otherLong}, "502 sha-512=:"},
		{"a wrong one", []string{otherShort}, "502 sha-256=:"},
		{"a right one and a wrong one", []string{short + ", " + otherLong}, "502 sha-512=:"},
		{"a wrong one and a right one", []string{long + ", " + otherShort}, "502 sha-256=:"},
		{"the last one counts", []string{otherShort + ", " + short}, "200 index"},
		{"one of another length", []string{"sha-256=:AAAA:"}, "502 sha-256=:AAAA:"},
		{"no dictionary", []string{"sha-256=:AAAA, ="}, "200 index"},
		{"no bytes", []string{"sha-256=abc"}, "200 index"},
		{"a list", []string{"sha-256=(:AAAA:)"}, "200 index"},
		{"an endless one", []string{strings.Repeat("a, ", 10_000) + otherShort}, "200 index"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			main := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Repr-Digest"] = tt.fields
				_, _ = io.WriteString(w, body)
			}))
			defer main.Close()
			h := httptest.NewServer(server(t, "", main.URL))
			defer h.Close()
			got := get(t, h.URL+"/xbps/site/x86_64-musl-repodata")
			if status, text, _ := strings.Cut(tt.want, " "); !strings.HasPrefix(got, status) || !strings.Contains(got, text) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestInfo: what an upstream says of a version must be about that version; else the standby is asked.
func TestInfo(t *testing.T) {
	const good = `{"Version":"v1.0.0","Time":"2026-01-02T03:04:05Z"}`
	standby := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, good) }))
	defer standby.Close()
	for _, tt := range []struct {
		name, path, body string
		taken            bool
	}{
		{"right", "example.test/a/@v/v1.0.0.info", `{"Version":"v1.0.0"}`, true},
		{"with more", "example.test/a/@v/v1.0.0.info", `{"Version":"v1.0.0","Origin":{"VCS":"git"}}` + "\n", true},
		{"of a version with capital letters", "example.test/a/@v/v1.0.0-!r!c.info", `{"Version":"v1.0.0-RC"}`, true},
		{"another version", "example.test/a/@v/v1.0.0.info", `{"Version":"v1.0.1"}`, false},
		{"of a branch", "example.test/a/@v/main.info", `{"Version":"v1.0.1"}`, true},
		{"of the beginning of a version", "example.test/a/@v/v1.0.info", `{"Version":"v1.0.1"}`, true},
		{"no version", "example.test/a/@v/main.info", `{"Version":"main"}`, false},
		{"the newest", "example.test/a/@latest", `{"Version":"v1.0.1"}`, true},
		{"a page", "example.test/a/@latest", `<html>sign in</html>`, false},
		{"a page of a version", "example.test/a/@v/v1.0.0.info", `<html>sign in</html>`, false},
		{"nothing", "example.test/a/@v/v1.0.0.info", ``, false},
		{"null", "example.test/a/@v/v1.0.0.info", `null`, false},
		{"two", "example.test/a/@v/v1.0.0.info", good + good, false},
		{"cut off", "example.test/a/@v/v1.0.0.info", good[:20], false},
		{"too long", "example.test/a/@v/v1.0.0.info", `{"Version":"v1.0.0"}` + strings.Repeat(" ", 1<<20), false},
		{"no such file", "sumdb/sum.example.test/lookup/a@v1.0.0.info", "anything", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			main := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.body) }))
			defer main.Close()
			h := httptest.NewServer(server(t, "", main.URL, standby.URL))
			defer h.Close()
			want := fmt.Sprintf("200 %s", good)
			if tt.taken {
				want = "200 " + tt.body
			}
			if got := get(t, h.URL+"/mod/"+tt.path); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			alone := httptest.NewServer(server(t, "", main.URL))
			defer alone.Close()
			if got := get(t, alone.URL+"/mod/"+tt.path); strings.HasPrefix(got, "200") != tt.taken {
				t.Errorf("without a standby: %q", got)
			}
		})
	}
}

// TestEndlessMod: a go.mod that does not end is not kept, and not read into memory.
func TestEndlessMod(t *testing.T) {
	sent := 0
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for err := error(nil); err == nil && sent < 1<<30; {
			var n int
			n, err = w.Write(make([]byte, 1<<20))
			sent += n
		}
	}))
	front := httptest.NewServer(server(t, "", up.URL))
	got := get(t, front.URL+"/mod/example.test/a/@v/v1.0.0.mod")
	front.Close()
	up.Close() // waits for its answers
	if !strings.HasPrefix(got, "502") || !strings.Contains(got, "longer than 16777216 bytes") || sent > 1<<29 {
		t.Errorf("%d bytes were sent: %.200s", sent, got)
	}
}
