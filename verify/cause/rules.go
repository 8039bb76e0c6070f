package cause

// policyFindings are the kinds of finding of `plugproof policy` and of the policy step (verify/policy, Kind).
var policyFindings = []runWord{
	{"forbidden", "a module that forbid names is used", "It is in the build list of host or plugins, or in a built file, in a version that the pattern fits.", "go mod why -m MODULE says who brings it in; take another version, or another module"},
	{"not-allowed", "a module that allow does not name is used", "With an allow list, every module that no pattern of it fits is a finding.", "add the module to allow, or do without it"},
	{"replaced", "a module is replaced, and the policy does not list that", "go.mod, go.work or a built file has a replacement: other code than go.sum's name for it.", "drop the replace line, or list it under [[policy.replace]] with its reason"},
	{"pseudo-version", "a module is used in a commit that has no release", "A version such as v0.0.0-20260102030405-abcdef012345 names a commit.", "take a released version, or list it under [[policy.pseudo]] with reason and date"},
	{"licence", "a module has a licence that is denied, or that is not allowed", "The texts of its licence files are known, and their SPDX identifiers fit deny, or none of allow.", "allow the licence, state another that holds under [[policy.licensed]], or do without the module"},
	{"unknown-licence", "what licence a module has is not known", "It has no licence file, or one that holds words which no known licence has; the finding names the file and the first of them.", "read the file, and state the licence under [[policy.licensed]] with the reason"},
	{"unaudited", "a critical package imports a module that was not audited", "At some depth, a package that critical names imports a package of it.", "review the module and list it under [[policy.audited]], or take the import out"},
	{"dead-rule", "a rule fits nothing", "A pattern that fits no package or module protects nothing; it is misspelt, or what it named has gone.", "correct the pattern, or drop it"},
	{"old-review", "the review of an audited module is too old", "More days have gone by since reviewed than days or review_days allows; the day is SOURCE_DATE_EPOCH's, if it is set.", "review it again and write the new day"},
	{"unused", "a module is required, and nothing that is built needs it", "No package of it is in the host or a plugin, for any architecture or tag of the plan.", "go mod tidy, or list it under unused, as what only tests need"},
	{"sum", "a module's hash is not in go.sum, or is another one", "What a file was linked from is not what the project's go.sum names.", "go mod tidy in a clean checkout, and build again; when the hash differs, find out who served the module"},
	{"hidden", "a package was linked whose module nobody names", "The file holds code of a package that is in neither its build information nor go.mod, nor in the standard library of its Go.", "find out what it is: -overlay, an edited GOROOT, or an object that was added by the linker"},
	{"other-version", "a file was linked from another version of a module than the project's", "Its build information names one version and the project's build list another.", "build it again from this project"},
	{"unlisted", "a package was linked that nothing in the project imports", "The file has more packages than the sources give: other tags, other sources or an overlay.", "build it again from this project, with its flags"},
	{"foreign", "a file was built from another project", "The main module or package in its build information is none of this project's.", "name the file's own project"},
	{"no-build-info", "a file has no build information", "Versions, sums and replacements of what was linked are unknown. Plugins of Go 1.20 had none.", "build with Go 1.21 or later, and without stripping .go.buildinfo"},
	{"vendored", "a vendor folder is not what go.sum says", "A file in vendor was edited, added or taken away, or a copy of a replaced directory is not the directory; go mod verify does not look there.", "go mod vendor in a clean checkout; plugproof kit verify --vendor DIR checks it alone"},
	{"not-looked", "evidence is not there", "The go command failed, a Go's standard library or a module's files are not at hand, or something could not be read: exit status 3, never green.", "the finding says what is missing"},
}
