package abi

// Describe reads what must be known of a host before a root file system is chosen for it: its architecture, C library and dynamic loader.
// interp is "" for static hosts. Its error is Predict's.
func Describe(in Input) (host Host, interp string, err error) {
	p, rep, err := begin(in, Options{NoDigest: true})
	if err != nil {
		return Host{}, "", err
	}
	p.close()
	return rep.Host, p.host.file.Interp(), nil
}
