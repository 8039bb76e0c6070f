package cause

// The remedies that a build can try by itself. What must be the same on both sides (a Go release, a tag, a module's version) has none:
// setting it to one value is the caller's choice.
var (
	trimpath = Remedy{Text: "build with -trimpath", Flags: []string{"-trimpath"}}
	noVCS    = Remedy{Text: "build with -buildvcs=false", Flags: []string{"-buildvcs=false"}}
	epoch    = Remedy{Text: "set SOURCE_DATE_EPOCH to the commit's time, for the C compiler's __DATE__ and __TIME__ and for generators that know it",
		Env: map[string]string{"SOURCE_DATE_EPOCH": "{{epoch}}"}}
	noBuildID = Remedy{Text: "build with -ldflags=-buildid=", Flags: []string{"-ldflags=-buildid="}}
	neither   = Remedy{Text: "build with -trimpath and -ldflags=-buildid=", Flags: []string{"-trimpath", "-ldflags=-buildid="}}
	strip     = Remedy{Text: "strip with -ldflags='-s -w'", Flags: []string{"-ldflags=-s -w"}}
)

// remedies by cause.
var remedies = map[string][]Remedy{
	"build-path":        {trimpath, neither},
	"trimpath-one-side": {trimpath},
	"embedded-path":     {trimpath},
	"embedded-time":     {epoch},
	"generated-input":   {epoch},
	"vendor-mode":       {trimpath},
	"vcs-stamp":         {noVCS},
	"cc-identity":       {noBuildID, neither},
	"cgo-flags":         {noBuildID, neither},
	"build-id":          {noBuildID},
	"stripped":          {strip},
}

func init() {
	for i := range causes {
		causes[i].Remedies = remedies[causes[i].ID]
	}
}
