// Package results holds the values that a run leaves behind: records, their cells, statuses and digests.
//
// A finding (not reproducible, will not load) is data in a Record, never a Go error. Everything here is plain data;
// reading and writing runs is results/store's, deciding is results/gate's, showing is results/report's.
package results

// Status says how one step of one cell ended. The order of gravity is fail, error, skip, pass.
type Status string

// The four statuses.
const (
	Pass  Status = "pass"  // as expected
	Fail  Status = "fail"  // a finding: not as expected
	Error Status = "error" // infrastructure: nothing was learned
	Skip  Status = "skip"  // not done, with a reason
)

// Gravity orders statuses: higher is worse. An unknown status is as grave as an error.
func (s Status) Gravity() int {
	switch s {
	case Pass:
		return 0
	case Skip:
		return 1
	case Fail:
		return 3
	}
	return 2
}

// Worse returns the graver of two statuses.
func Worse(a, b Status) Status {
	if b.Gravity() > a.Gravity() {
		return b
	}
	return a
}

// Step names what was done in a cell.
type Step string

// The steps of a verify run, in order.
const (
	Rebuild Step = "rebuild" // twin builds, compared
	ABI     Step = "abi"     // the prediction from the files
	Load    Step = "load"    // the load for real
	Policy  Step = "policy"  // the project's rules, of projects that have some
)

// PolicySubject is the only subject of a policy step that found nothing.
const PolicySubject = "[policy]"

// PolicyHolds is the policy verdict on a project that keeps to its rules.
const PolicyHolds = "holds"

// SkipRequested is the only reason with which a skipped step counts as passed.
const SkipRequested = "requested"

// Identical is the rebuild verdict of twins with the same bytes.
const Identical = "identical"

// RecordSchema is the value of Record.Schema.
const RecordSchema = "plugproof/record/v1"

// PlanSchema is the value of Plan.Schema.
const PlanSchema = "plugproof/plan/v1"
