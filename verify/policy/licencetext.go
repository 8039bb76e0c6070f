package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/google/licensecheck"
)

// licencesIn are the identifiers of the licences of which a text consists, sorted. strange are the first words that are no part of a known
// licence, of its title or of a copyright notice; a text with such words is not known, whatever else it holds: a sentence that takes back
// what the licence grants is short.
//
// names are words that a title may have besides: those of the module's path.
func licencesIn(text []byte, names ...string) (ids []string, strange string) {
	if len(text) > MaxLicence {
		return nil, "it is longer than any licence"
	}
	text = []byte(plain(string(text)))
	found := map[string]bool{}
	rest := slices.Clone(text)
	budget := maxScanned
	for _, m := range licensecheck.Scan(text).Match {
		if m.IsURL { // it names a licence, and is no text of one
			blank(rest[m.Start:m.End])
			continue
		}
		start := begin(text, m, &budget)
		blank(rest[start:m.End])
		found[m.ID] = true
		if s := unlike(m.ID, string(text[start:m.End])); s != "" && strange == "" {
			strange = s
		}
	}
	if budget < 0 {
		return nil, "it has too many notices"
	}
	own := map[string]bool{}
	for _, w := range words(strings.Join(names, " ")) {
		own[w] = !restricting[w]
	}
	if s := stray(string(rest), found, own); s != "" {
		strange = s
	}
	return slices.Sorted(maps.Keys(found)), strange
}

// plain makes a text's bytes ones that all readers see alike: what is no UTF-8 becomes a blank, and what is not shown is left out.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r): // shown as nothing, within words too
			return -1
		case r == utf8.RuneError, r == '\r', r == '\v', r == '\f':
			return ' '
		}
		return r
	}, s)
}

func blank(b []byte) {
	for i := range b {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
}

// maxScanned bounds what is read again to find where licences begin, in bytes: a licence of 35,000 bytes below a hundred notices.
const maxScanned = 4 << 20

// begin is where the licence itself begins in a match: licensecheck counts up to 50 words before it as its own where they begin with
// "copyright" (its scan.go, maxCopyrightWords), whatever they say.
func begin(text []byte, m licensecheck.Match, budget *int) int {
	start := m.Start
	for {
		at := copyright.FindIndex(text[start:m.End])
		if at == nil || len(words(string(text[start:start+at[0]]))) > 0 {
			return start
		}
		from := start + at[1]
		if *budget -= m.End - from; *budget < 0 {
			return start
		}
		again := licensecheck.Scan(text[from:m.End]).Match
		if len(again) == 0 || again[0].ID != m.ID || from+again[len(again)-1].End < m.End {
			return start // the word is the licence's own
		}
		start = from + again[0].Start
	}
}

var copyright = regexp.MustCompile(`(?i)copyright|©|\(c\)`)

// unlike is what tells a match from the licence that it is said to be: licensecheck's templates have gaps of some words, for names, in
// which a restriction can be hidden, and let grants be left out.
func unlike(id, text string) string {
	n, own := map[string]int{}, vocabulary(id)
	all := words(text)
	for i, w := range all {
		if n[w]++; own[w] == 0 && foreign(w) || n[w] > own[w]+own[w]/10 && restricting[w] { // a long licence's own words vary a little from edition to edition
			return strings.Join(all[max(0, i-3):min(len(all), i+4)], " ")
		}
	}
	flat := " " + strings.Join(all, " ") + " "
	for _, grant := range grants[id] {
		if !strings.Contains(flat, " "+grant+" ") {
			return "(" + id + " without " + grant + ")"
		}
	}
	return ""
}

// grants are what licences grant that licensecheck takes for them without (its licenses/MIT.lre and ISC.lre).
var grants = map[string][]string{
	"MIT": {"free of charge", "without restriction", "sublicense and or sell"},
	"ISC": {"use copy modify and", "with or without fee"},
}

// foreign reports whether a word has letters that are not Latin: some look as if they were, and what they say is in no list here.
func foreign(w string) bool {
	return strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// vocabularies are how often each word is in a licence's templates, all alternatives counted, by its identifier.
var vocabularies sync.Map

func vocabulary(id string) map[string]int {
	if n, ok := vocabularies.Load(id); ok {
		return n.(map[string]int)
	}
	n := map[string]int{}
	for _, l := range licensecheck.BuiltinLicenses() {
		if l.ID != id {
			continue
		}
		for _, w := range words(comment.ReplaceAllString(l.LRE, " ")) {
			n[w]++
		}
	}
	vocabularies.Store(id, n)
	return n
}

// comment is one of a template (licensecheck, internal/match): from // to the end of the line, or //** to **//.
var comment = regexp.MustCompile(`(?s)//\*\*.*?\*\*//|(?m:^|\s)//[^\n]*`)

// restricting are words with which a licence is narrowed. They stand in no name, so that a gap of a template, a title or a notice that has
// one says more than whose the work is.
var restricting = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`
		academic after agree agreement approval assign before bound but can cannot cease charge comply commercial commercially compete competing
		competitive competitor competitors condition conditions conditional conditionally confidential consent countries credit deny denied
		deploy derivative disallow disallowed distribute distributed distribution educational employ entitled ethical evaluate evaluation
		evil except exceptions excluding exclude excludes exclusive exclusively expire expires expired fee fees for forbid forbidden forbids
		furnished government grant granted grants harm hire host hosted if illegal internal internally lease legal liable license licensed
		licensee licenses licence licenced limit limited limits military modify modified modification money months must need needs neither never
		no non noncommercial none nonprofit not notify notwithstanding obtain obtaining only otherwise pay paid payment permission permit
		permitted permits personal prior private production profit profits prohibit prohibited prohibits prohibition proprietary provided
		purchase purpose purposes redistribute redistribution refrain remove rent report request require required requires requiring resale
		resell research resold restrict restricted restriction restrictions restricts revoke revocable revoked royalties royalty saas sell
		selling share shall should sold solely subject sublicense subscribe subscription sue suspend terminate terminated terminates than trial
		unless until upon use used user users uses using valid void weapons when where whom will without written`) {
		out[w] = true
	}
	return out
}()

// titles are the words of lines that only name a licence, and the part of an identifier that must have been found for those that name one.
var titles = map[string]string{
	"mit": "MIT", "expat": "MIT", "x11": "X11", "isc": "ISC", "bsd": "BSD", "0bsd": "0BSD", "apache": "Apache", "mozilla": "MPL", "mpl": "MPL", "boost": "BSL", "zlib": "Zlib", "unlicense": "Unlicense",
	"cc0": "CC0", "gnu": "GPL", "gpl": "GPL", "lesser": "LGPL", "lgpl": "LGPL", "affero": "AGPL", "agpl": "AGPL",
	"license": "", "licence": "", "licenses": "", "licences": "", "the": "", "new": "", "revised": "", "modified": "", "simplified": "", "clause": "", "version": "", "v": "", "v2": "", "v3": "", "public": "",
	"general": "", "software": "", "two": "", "three": "", "0": "", "1": "", "2": "", "3": "", "style": "", "copying": "", "copyright": "", "notice": "", "all": "", "rights": "", "reserved": "",
	"this": "", "project": "", "package": "", "library": "", "is": "", "are": "", "distributed": "", "licensed": "", "released": "", "covered": "", "under": "", "terms": "", "of": "", "reproduced": "", "below": "", "following": "", "follows": "",
}

// joining are the lower-case words of a copyright notice that are no names.
var joining = map[string]bool{"by": true, "the": true, "and": true, "of": true, "or": true, "its": true, "affiliates": true, "contributors": true, "authors": true, "author": true, "developers": true, "maintainers": true,
	"all": true, "rights": true, "reserved": true, "present": true, "portions": true, "project": true, "others": true, "team": true, "community": true, "to": true, "c": true}

// maxNotice bounds a copyright notice, in words, and maxNicknames those of them that are written small and are known for nothing.
const (
	maxNotice    = 25
	maxNicknames = 2
)

// stray is the first line outside of licences that says more than which licence it is, or whose the work; "" if there is none.
func stray(rest string, found, names map[string]bool) string {
	for line := range strings.Lines(rest) {
		if w := words(line); len(w) > 0 && !isTitle(line, found, names) && !isNotice(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// isTitle reports whether all words of a line are such as name a licence that was found, or what it is for.
func isTitle(line string, found, names map[string]bool) bool {
	for _, w := range words(known.ReplaceAllString(line, " ")) {
		of, ok := titles[w]
		if !names[w] && (!ok || of != "" && !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(id string) bool { return strings.Contains(id, of) })) {
			return false
		}
	}
	return true
}

// known is the address of a page that has licences' texts.
var known = regexp.MustCompile(`https?://(www\.)?(opensource\.org|spdx\.org|apache\.org|unlicense\.org|choosealicense\.com|mozilla\.org|gnu\.org|boost\.org)(/[\w./-]*)?`)

// notice is how a line begins that says whose the work is.
var notice = regexp.MustCompile(`(?i)^[\s/#*>;.-]*(portions\s+|all\s+)?(copyright|©|\(c\))`)

// address is one of mail or of a page.
var address = regexp.MustCompile(`[<(]?(https?://|www\.)[^\s<>()]+[>)]?|[<(]?[\w.+-]+@[\w.-]+\w[>)]?`)

// isNotice reports whether a line says whose the work is, and no more.
func isNotice(line string) bool {
	if !notice.MatchString(line) {
		return false
	}
	line = address.ReplaceAllString(notice.ReplaceAllString(line, ""), " ")
	all := strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	small := 0
	for _, w := range all {
		lower := strings.ToLower(w)
		if restricting[lower] || foreign(w) {
			return false
		}
		if first, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(first) && !unicode.IsDigit(first) && !joining[lower] {
			small++
		}
	}
	return len(all) <= maxNotice && small <= maxNicknames
}
