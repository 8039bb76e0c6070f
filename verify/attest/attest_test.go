package attest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/plugproof/plugproof/results"
	"github.com/plugproof/plugproof/verify/attest"
	"github.com/plugproof/plugproof/verify/supply/seal"
)

func newKey(t testing.TB) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// run is a plan of one cell with one step, and its record.
func run(verdict string) (*results.Plan, []results.Record) {
	cell := results.Cell{Project: "example.test/<m>", HostGo: "go1.26.8", PluginGo: "go1.26.8", Arch: "amd64", Level: "GOAMD64=v1", Libc: "musl", Image: "default"}
	plan := &results.Plan{
		Schema: results.PlanSchema, Run: "20260801T000000Z-0001", Tool: "plugproof test", Seed: 1 << 63,
		Cells: []results.PlannedCell{{ID: cell.ID(), Cell: cell, Steps: []results.Step{results.Rebuild}}},
	}
	a, b := results.DigestOf([]byte("a")), results.DigestOf([]byte("a"))
	status, causes := results.Pass, []results.Cause{}
	if verdict != results.Identical {
		b, status, causes = results.DigestOf([]byte("b")), results.Fail, []results.Cause{{ID: "build-path", Subject: "host", Proven: true}}
	}
	return plan, []results.Record{{
		Schema: results.RecordSchema, Run: plan.Run, CellID: cell.ID(), Cell: cell, Step: results.Rebuild, Status: status,
		Verdict: verdict, Expected: results.Identical, Causes: causes,
		Subjects:  []results.Subject{{Name: "host", Status: status, Verdict: verdict, Expected: results.Identical}},
		Artifacts: []results.Artifact{{Name: "host.a", SHA256: a, Size: 1}, {Name: "host.b", SHA256: b, Size: 1}},
		Inputs:    results.Inputs{Sources: results.DigestOf([]byte("s")), HostGo: results.DigestOf([]byte("g")), PluginGo: results.DigestOf([]byte("g")), CC: results.DigestOf([]byte("c")), Libc: results.DigestOf([]byte("l"))},
		Started:   time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), Log: "logs/x",
	}}
}

func payload(t testing.TB, verdict string) []byte {
	t.Helper()
	s, err := attest.New(run(verdict))
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sign(t testing.TB, payload []byte, key minisign.PrivateKey) []byte {
	t.Helper()
	data, err := attest.Sign(payload, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(data []byte, key minisign.PublicKey) (attest.Statement, error) {
	p, err := attest.Open(data, key)
	if err != nil {
		return attest.Statement{}, err
	}
	return attest.Parse(p)
}

func TestRoundTrip(t *testing.T) {
	public, private := newKey(t)
	for verdict, want := range map[string]attest.Result{results.Identical: attest.Pass, "data": attest.Fail} {
		s, err := read(sign(t, payload(t, verdict), private), public)
		if err != nil {
			t.Fatal(err)
		}
		if s.Result != want || len(s.Subjects) != 2 || s.Plan.Seed != 1<<63 || s.Records[0].Log != "" {
			t.Errorf("%s: %+v", verdict, s)
		}
		if got := s.Of(results.DigestOf([]byte("a"))); len(got) == 0 || !strings.HasSuffix(got[0].Name, "/host.a") {
			t.Errorf("%s: subjects of a file: %v", verdict, got)
		}
		if got := s.Of(results.DigestOf([]byte("none"))); got != nil {
			t.Errorf("%s: subjects of a stranger: %v", verdict, got)
		}
	}
}

func TestMissingEvidence(t *testing.T) {
	plan, records := run(results.Identical)
	if _, err := attest.New(plan, nil); !errors.Is(err, attest.ErrResult) {
		t.Errorf("no records: %v", err)
	}
	if _, err := attest.New(nil, records); !errors.Is(err, attest.ErrResult) {
		t.Errorf("no plan: %v", err)
	}
	alone := slices.Clone(records)
	alone[0].Artifacts = alone[0].Artifacts[:1]
	if _, err := attest.New(plan, alone); !errors.Is(err, attest.ErrResult) {
		t.Errorf("identical without a twin: %v", err)
	}
	records[0].Status = results.Error
	if _, err := attest.New(plan, records); !errors.Is(err, attest.ErrResult) {
		t.Errorf("an error: %v", err)
	}
}

// TestEveryChange: no byte of an envelope can change, and nothing can be cut off or put behind.
func TestEveryChange(t *testing.T) {
	public, private := newKey(t)
	good := sign(t, payload(t, results.Identical), private)
	for i := range good {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			if _, err := read(bad, public); err == nil {
				t.Fatalf("byte %d of %d changed, and it holds", i, len(good))
			}
		}
		if _, err := read(good[:i], public); err == nil {
			t.Fatalf("cut at %d of %d, and it holds", i, len(good))
		}
	}
	for _, tail := range []string{"\n", " ", "{}", "\x00"} {
		if _, err := read(append(bytes.Clone(good), tail...), public); err == nil {
			t.Errorf("%q behind it, and it holds", tail)
		}
	}
}

// TestLies: signed by the right key or not, what is not what it says is refused, each with its own reason.
func TestLies(t *testing.T) {
	public, private := newKey(t)
	_, stranger := newKey(t)
	p := payload(t, "data")
	good := sign(t, p, private)
	var env map[string]any
	if err := json.Unmarshal(good, &env); err != nil {
		t.Fatal(err)
	}
	again := func(edit func(m map[string]any)) []byte {
		m := map[string]any{}
		for k, v := range env {
			m[k] = v
		}
		edit(m)
		data, _ := json.Marshal(m)
		return append(data, '\n')
	}
	sigs := env["signatures"].([]any)
	replaced := func(from, to string) []byte {
		t.Helper()
		if !bytes.Contains(p, []byte(from)) {
			t.Fatalf("%s is not in the payload", from)
		}
		return sign(t, bytes.ReplaceAll(p, []byte(from), []byte(to)), private)
	}
	cell, _ := run("data")
	id := string(cell.Cells[0].ID)
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"no JSON":      {[]byte("PASS\n"), attest.ErrFormat},
		"nothing":      {nil, attest.ErrFormat},
		"a stranger's": {sign(t, p, stranger), attest.ErrKey},
		"another payload": {again(func(m map[string]any) {
			m["payload"] = base64.StdEncoding.EncodeToString(payload(t, results.Identical))
		}), attest.ErrSignature},
		"another type":      {again(func(m map[string]any) { m["payloadType"] = "application/json" }), attest.ErrType},
		"no signature":      {again(func(m map[string]any) { m["signatures"] = []any{} }), attest.ErrSigners},
		"two signatures":    {again(func(m map[string]any) { m["signatures"] = append(sigs[:1:1], sigs[0]) }), attest.ErrSigners},
		"a line end within": {bytes.Replace(good, []byte(`"payload":"`), []byte(`"payload":"\n`), 1), attest.ErrFormat},
		"a member more":     {again(func(m map[string]any) { m["x"] = 1 }), attest.ErrFormat},
		"a member twice":    {bytes.Replace(good, []byte(`{"payload"`), []byte(`{"payload":"","payload"`), 1), attest.ErrFormat},
		"FAIL says PASS":    {replaced(`"result":"FAIL"`, `"result":"PASS"`), attest.ErrResult},
		"a failed step":     {replaced(`"status":"fail"`, `"status":"pass"`), attest.ErrResult},
		"another subject":   {replaced(`"name":"`+id[:12]+`/host.a"`, `"name":"`+id[:12]+`/host.c"`), attest.ErrResult},
		"another predicate": {replaced(attest.PredicateType, "https://example.test/v1"), attest.ErrStatement},
		"another cell":      {replaced(`"arch":"amd64"`, `"arch":"arm"`), attest.ErrResult},
		"a record's member": {replaced(`"causes":`, `"because":`), attest.ErrStatement},
		"a result twice":    {replaced(`"result":"FAIL"`, `"result":"PASS","result":"FAIL"`), attest.ErrStatement},
	} {
		if _, err := read(tt.data, public); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestConfirm(t *testing.T) {
	state := func(verdict string) attest.Statement {
		s, err := attest.New(run(verdict))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	fresh := func(verdict string, edit func(*results.Record)) []results.Record {
		_, r := run(verdict)
		if edit != nil {
			edit(&r[0])
		}
		return r
	}
	for _, tt := range []struct {
		name  string
		said  attest.Statement
		here  []results.Record
		want  string
		maybe bool
	}{
		{"the same", state(results.Identical), fresh(results.Identical, nil), "", false},
		{"differ there and here", state("data"), fresh("data", nil), "", false},
		{"differ here", state(results.Identical), fresh("data", nil), "here they differ: build-path", false},
		{"equal here", state("data"), fresh(results.Identical, nil), "here they are equal", false},
		{"other bytes", state(results.Identical), fresh(results.Identical, func(r *results.Record) {
			r.Artifacts[0].SHA256, r.Artifacts[1].SHA256 = results.DigestOf([]byte("z")), results.DigestOf([]byte("z"))
			r.Inputs.HostGo = results.DigestOf([]byte("other"))
		}), "the host's Go: ", false},
		{"other bytes of the same", state(results.Identical), fresh(results.Identical, func(r *results.Record) {
			r.Artifacts[0].SHA256, r.Artifacts[1].SHA256 = results.DigestOf([]byte("z")), results.DigestOf([]byte("z"))
		}), "sources and tools are the same", false},
		{"nothing built", state(results.Identical), fresh(results.Identical, func(r *results.Record) { r.Artifacts, r.Verdict = nil, "build-failed" }), "nothing came out (build-failed)", false},
		{"a machine's error", state(results.Identical), fresh(results.Identical, func(r *results.Record) { r.Status, r.Reason = results.Error, "disk full" }), "disk full", true},
		{"another cell", state(results.Identical), nil, "no such cell", true},
	} {
		n, found := tt.said.Confirm(tt.here)
		got := ""
		for _, f := range found {
			got += f.Text
			if f.Incomplete != tt.maybe {
				t.Errorf("%s: incomplete is %v", tt.name, f.Incomplete)
			}
		}
		if !strings.Contains(got, tt.want) || tt.want == "" && (got != "" || n != 1) {
			t.Errorf("%s: %d compared, %q, want %q", tt.name, n, got, tt.want)
		}
	}
}

// TestNotes: what was put in and is not the same is named though the bytes are equal, once for each project, and so is a policy.
func TestNotes(t *testing.T) {
	plan, said := run(results.Identical)
	_, here := run(results.Identical)
	note := func() []attest.Note { return attest.Statement{Plan: plan, Records: said}.Notes(here) }
	if got := note(); len(got) != 0 {
		t.Errorf("of the same: %v", got)
	}
	here[0].Inputs.Sources, here[0].Inputs.Libc = results.DigestOf([]byte("x")), ""
	rules := said[0]
	rules.Step = results.Policy
	other := said[0]
	other.Cell.Arch = "arm"
	other.CellID = other.Cell.ID()
	there := here[0]
	there.Cell, there.CellID = other.Cell, other.CellID
	said, here = append(said, other, rules), append(here, there)
	cell := plan.Cells[0].Cell.String()
	want := []attest.Note{
		{cell, "the project's sources are not those stated: 043a718774c5 there, 2d711642b726 here", said[0].Inputs.Sources, here[0].Inputs.Sources},
		{cell, "the libc is not the one stated: acac86c0e609 there, unknown here", said[0].Inputs.Libc, ""},
		{"", "a rebuild does not hold the project against its policy again: what is stated of that is of the sources and the day of the run", "", ""},
	}
	if diff := cmp.Diff(want, note()); diff != "" {
		t.Error(diff)
	}
}

// TestOpenSSL: another implementation of ed25519 takes the signature for what DSSE says that it is of.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	public, private := newKey(t)
	p := payload(t, results.Identical)
	var env struct{ Signatures []struct{ Sig []byte } }
	if err := json.Unmarshal(sign(t, p, private), &env); err != nil {
		t.Fatal(err)
	}
	raw, err := seal.Raw(public)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, raw...) // SubjectPublicKeyInfo, RFC 8410
	for name, data := range map[string][]byte{"key": der, "pae": attest.PAE(attest.PayloadType, p), "sig": env.Signatures[0].Sig} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(openssl, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "pae", "-sigfile", "sig")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestPAE is the example of DSSE's protocol.md.
func TestPAE(t *testing.T) {
	if d := cmp.Diff("DSSEv1 29 http://example.com/HelloWorld 11 hello world", string(attest.PAE("http://example.com/HelloWorld", []byte("hello world")))); d != "" {
		t.Error(d)
	}
}

func FuzzOpen(f *testing.F) {
	public, private := newKey(f)
	f.Add(sign(f, payload(f, results.Identical), private))
	f.Add([]byte(`{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := attest.Open(data, public); err == nil && !bytes.Equal(sign(t, p, private), data) {
			t.Error("a second spelling holds")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(payload(f, results.Identical))
	f.Add(payload(f, "data"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := attest.Parse(data)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("a second spelling holds: %v", err)
		}
	})
}
