package xbps

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// corpusDir is where a machine that has the data made by the real tools keeps it, beside the repository.
const corpusDir = "../../../shared/corpus/xbps"

// rows reads a table of three tab-separated columns; lines that begin with # are comments.
func rows(t *testing.T, text string) [][]string {
	t.Helper()
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			t.Fatalf("row %q has %d columns", line, len(f))
		}
		out = append(out, f)
	}
	return out
}

func corpusTable(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, name))
	if err != nil {
		t.Skipf("the corpus is not beside this repository: %v", err)
	}
	return rows(t, string(data))
}

// versionTable holds answers of xbps-uhelper cmpver (0.60.7) that between them touch every rule.
const versionTable = `1.0.0_1	1.0rc2_1	1
1.26.8_1	1.26.10_1	-1
1.0A_1	1.2.3.4_5	-1
1.00_1	1_1	0
1.0.1_1	1.0A_1	0
1.0p1_1	1.0pl1_1	1
1.0a_1	1.0pl1_1	0
1.0pre1_1	1.0rc1_1	0
1.0alpha_1	1.0beta2_1	-1
1.0beta2_1	1.0rc1_1	-1
6.1.192_1	6.1.192_2	-1
2.0_1	2_1	0
3.0.0.rc1_1	1.27rc1_1	1
1.2.3.4_10	1.2.3.4_5	1
20231231_2	20240101_1	-1`

func TestCompareVersions(t *testing.T) {
	checkVersions(t, rows(t, versionTable))
}

func TestCompareVersionsCorpus(t *testing.T) {
	checkVersions(t, corpusTable(t, "cmpver.tsv"))
}

func checkVersions(t *testing.T, table [][]string) {
	for _, r := range table {
		want, _ := strconv.Atoi(r[2])
		if got := CompareVersions(r[0], r[1]); got != want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", r[0], r[1], got, want)
		}
		if got := CompareVersions(r[1], r[0]); got != -want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", r[1], r[0], got, -want)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0_1", "1.0rc1_1")
	f.Add("", "99999999999999999999")
	f.Fuzz(func(t *testing.T, a, b string) {
		if CompareVersions(a, a) != 0 {
			t.Errorf("%q is not equal to itself", a)
		}
		CompareVersions(a, b)
	})
}
