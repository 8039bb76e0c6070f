package supply

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/module"

	"github.com/plugproof/plugproof/results"
)

// BOM is a CycloneDX 1.6 bill of materials of files, as JSON: Go modules and toolchains, and the Debian packages that inputs and
// tools came from. It names no time and no machine: the same files give the same bytes.
func BOM(name string, files []File) ([]byte, error) {
	components := map[string]cyclonedx.Component{}
	for _, f := range files {
		var err error
		switch {
		case (f.Kind == Module || f.Kind == Toolchain) && path.Ext(f.Path) == ".zip":
			err = addModule(components, f)
		case f.Kind == Tool:
			err = addDeb(components, f)
		case f.Kind == Input && path.Base(f.Path) == "manifest.json":
			err = addPackages(components, f)
		}
		if err != nil {
			return nil, err
		}
	}
	var list []cyclonedx.Component
	for _, c := range components {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	h := sha256.New()
	for _, c := range list {
		fmt.Fprintln(h, c.BOMRef)
	}
	id := h.Sum(nil)
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562: version 8, made from what it names
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{Type: cyclonedx.ComponentTypeFile, BOMRef: "kit", Name: name}}
	bom.Components = &list
	var b bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return b.Bytes(), err
}

func addModule(to map[string]cyclonedx.Component, f File) error {
	dir, base := path.Split(strings.TrimPrefix(f.Path, Modules+"/"))
	p, err := module.UnescapePath(strings.TrimSuffix(dir, "/@v/"))
	if err != nil {
		return err
	}
	v, err := module.UnescapeVersion(strings.TrimSuffix(base, ".zip"))
	if err != nil {
		return err
	}
	digest, err := digestOf(f)
	if err != nil {
		return err
	}
	purl := "pkg:golang/" + p + "@" + v
	to[purl] = cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl, Name: p, Version: v, PackageURL: purl,
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: digest.Hex()}}}
	return nil
}

// addPackages reads the manifest that scripts/deps writes beside an input.
func addPackages(to map[string]cyclonedx.Component, f File) error {
	data, err := os.ReadFile(f.From)
	if err != nil {
		return err
	}
	var m struct {
		Packages []struct{ Name, Version, Arch, SHA256 string }
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("reading %q: %w", f.From, err)
	}
	for _, p := range m.Packages {
		purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", p.Name, strings.NewReplacer("+", "%2B", ":", "%3A").Replace(p.Version), p.Arch)
		to[purl] = cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl, Name: p.Name, Version: p.Version, PackageURL: purl,
			Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: p.SHA256}}}
	}
	return nil
}

// addDeb names a package by its file, NAME_VERSION_ARCH.deb.
func addDeb(to map[string]cyclonedx.Component, f File) error {
	words := strings.Split(strings.TrimSuffix(path.Base(f.Path), ".deb"), "_")
	if len(words) != 3 {
		return fmt.Errorf("%q is no package's name", f.Path)
	}
	digest, err := digestOf(f)
	if err != nil {
		return err
	}
	version := strings.ReplaceAll(words[1], "+epoch+", ":")
	purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", words[0], strings.NewReplacer("+", "%2B", ":", "%3A").Replace(version), words[2])
	to[purl] = cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl, Name: words[0], Version: version, PackageURL: purl,
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: digest.Hex()}}}
	return nil
}

func digestOf(f File) (results.Digest, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	d, _, err := results.DigestReader(r)
	return d, err
}
