package cli

import (
	"errors"
	"testing"
)

func TestOutAndResumeExcludeEachOther(t *testing.T) {
	err := new(app).verify(t.Context(), verifyFlags{out: "a", resume: "b"}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != ExitUsage {
		t.Errorf("%v", err)
	}
}
