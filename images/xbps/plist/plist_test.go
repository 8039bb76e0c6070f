package plist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sample = Dict{
	"a":     "x <&> y",
	"empty": "",
	"n":     int64(42),
	"yes":   true,
	"no":    false,
	"key":   []byte("-----BEGIN"),
	"list":  Array{"one", Dict{"file": "/usr"}, Array{}},
	"dict":  Dict{},
}

const sampleText = header + `<dict>
	<key>a</key>
	<string>x &lt;&amp;&gt; y</string>
	<key>dict</key>
	<dict/>
	<key>empty</key>
	<string/>
	<key>key</key>
	<data>LS0tLS1CRUdJTg==</data>
	<key>list</key>
	<array>
		<string>one</string>
		<dict>
			<key>file</key>
			<string>/usr</string>
		</dict>
		<array/>
	</array>
	<key>n</key>
	<integer>42</integer>
	<key>no</key>
	<false/>
	<key>yes</key>
	<true/>
</dict>
</plist>
`

func TestEncode(t *testing.T) {
	got, err := Encode(sample)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sampleText, string(got)); d != "" {
		t.Error(d)
	}
	back, err := Decode(got, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sample, back); d != "" {
		t.Error(d)
	}
}

func doc(body string) string { return `<plist version="1.0">` + body + `</plist>` }

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, reason string }{
		{"nothing", "", "want a tag"},
		{"root array", doc("<array/>"), "the root is no dictionary"},
		{"key twice", doc("<dict><key>a</key><true/><key>a</key><false/></dict>"), `key "a" appears twice`},
		{"no value", doc("<dict><key>a</key></dict>"), `key "a" has no value`},
		{"NUL", doc("<dict><key>a\x00b</key><true/></dict>"), "a NUL byte"},
		{"entity", doc("<dict><key>a</key><string>&xxe;</string></dict>"), "unknown entity"},
		{"declared entity", `<!DOCTYPE plist [<!ENTITY a "b">]>` + doc("<dict/>"), "a prologue that does not end, or that declares entities"},
		{"octal", doc("<dict><key>a</key><integer>010</integer></dict>"), `bad integer "010"`},
		{"huge", doc("<dict><key>a</key><integer>99999999999999999999</integer></dict>"), `bad integer "99999999999999999999"`},
		{"base64", doc("<dict><key>a</key><data>?</data></dict>"), "bad base64 in <data>"},
		{"real", doc("<dict><key>a</key><real>1</real></dict>"), "unknown element <real>"},
		{"crossed", doc("<dict><key>a</key><array></dict></array></dict>"), "want </array>, found </dict>"},
		{"trailing", doc("<dict/>") + "<plist>", "text after </plist>"},
		{"attribute", doc(`<dict a="b"></dict>`), "<dict> has an attribute"},
		{"comment", "<!-- ", "a comment that does not end"},
		{"deep", doc("<dict><key>a</key>" + strings.Repeat("<array>", 100000)), "nested deeper than 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.text), Limits{})
			var e *Error
			if !errors.As(err, &e) || e.Reason != c.reason {
				t.Errorf("got %v, want %s", err, c.reason)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	many := []byte(doc("<dict><key>a</key><array>" + strings.Repeat("<true/>", 50) + "</array></dict>"))
	for _, l := range []Limits{{Nodes: 20}, {Bytes: 100}, {Depth: 1}} {
		if _, err := Decode(many, l); err == nil {
			t.Errorf("%+v let it pass", l)
		}
	}
}

func TestAccessors(t *testing.T) {
	d := Dict{"s": Array{"a", "b"}, "d": Array{Dict{}}, "x": "x", "mixed": Array{"a", int64(1)}}
	if got, err := d.Strings("s"); err != nil || len(got) != 2 {
		t.Errorf("Strings: %v %v", got, err)
	}
	if got, err := d.Dicts("d"); err != nil || len(got) != 1 {
		t.Errorf("Dicts: %v %v", got, err)
	}
	for _, key := range []string{"x", "mixed"} {
		if _, err := d.Strings(key); err == nil {
			t.Errorf("Strings(%q) has no error", key)
		}
		if _, err := d.Dicts(key); err == nil {
			t.Errorf("Dicts(%q) has no error", key)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(sampleText))
	f.Add([]byte(doc("<dict><key>a</key><integer>-0x1F</integer></dict>")))
	f.Add([]byte("<!-- x -->" + doc("<dict><key>a</key><data> LS0 tLQ== </data></dict>")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data, Limits{Bytes: 1 << 16, Nodes: 1000})
		if err != nil {
			return
		}
		text, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(text, Limits{})
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		again, err := Encode(back)
		if err != nil || !bytes.Equal(text, again) {
			t.Fatalf("a second round differs: %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var body strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&body, "<key>pkg%d</key><dict><key>pkgver</key><string>pkg%d-1.0_1</string><key>run_depends</key><array><string>musl&gt;=1.2_1</string></array></dict>", i, i)
	}
	text := []byte(doc("<dict>" + body.String() + "</dict>"))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Decode(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
