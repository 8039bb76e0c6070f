package cause

// shown are the fixture and the scenario (scripts/NAME.txtar) that show a failure. Where a scenario lists several, each has a section of its own.
var shown = map[string]struct{ fixture, script string }{
	"F1":  {"failures", "failure_f01_files"},
	"F2":  {"failures", "failure_f01_files"},
	"F3":  {"failures", "failure_f01_files"},
	"F4":  {"failures", "failure_f01_files"},
	"F5":  {"failures", "failure_f01_files"},
	"F6":  {"failures", "failure_f01_files"},
	"F7":  {"failures", "failure_f01_files"},
	"F8":  {"failures", "failure_f08_libc"},
	"F9":  {"failures", "failure_f08_libc"},
	"F10": {"failures", "failure_f01_files"},
	"F11": {"failures", "failure_f11_hosts"},
	"F12": {"failures", "failure_f11_hosts"},
	"F13": {"failures", "failure_f01_files"},
	"F14": {"failures", "failure_f01_files"},
	"F15": {"go-minor", "verify_other_go_kills_the_host"},
	"F16": {"failures", "failure_f16_order"},
	"F17": {"failures", "failure_f16_order"},
	"F18": {"failures", "failure_f16_order"},
	"F19": {"failures", "failure_f16_order"},
	"F20": {"failures", "failure_f16_order"},
	"F21": {"poisoned", "failure_f16_order"},
	"F22": {"failures", "failure_f22_code"},
	"F23": {"drift", "failure_f23_drift"},
	"F24": {"failures", "failure_f22_code"},
	"F25": {"failures", "failure_f22_code"},
	"F26": {"failures", "failure_f11_hosts"},
	"F27": {"", "failure_f27_cpu"}, // its project is in the scenario
}
