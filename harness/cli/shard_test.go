package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/plugproof/plugproof/results"
)

func TestShard(t *testing.T) {
	for _, tt := range []struct {
		name, flag string
		env        []string
		want       string // the shard, or part of the error
		fails      bool
	}{
		{"none", "", []string{"CIRCLE_NODE_INDEX=0", "CIRCLE_NODE_TOTAL=2"}, "0/0", false},
		{"given", "2/7", nil, "2/7", false},
		{"given badly", "8/7", nil, "not i/n", true},
		{"nobody says", "auto", nil, "no CI system says", true},
		{"GitLab counts from 1", "auto", []string{"GITLAB_CI=true", "CI_NODE_INDEX=1", "CI_NODE_TOTAL=3"}, "1/3", false},
		{"GitLab, a job that is not parallel", "auto", []string{"GITLAB_CI=true", "CI_NODE_TOTAL=1"}, "no CI system says", true},
		{"GitLab's names without GitLab", "auto", []string{"CI_NODE_INDEX=1", "CI_NODE_TOTAL=3"}, "no CI system says", true},
		{"Heroku counts from 0", "auto", []string{"HEROKU_TEST_RUN_ID=x", "CI_NODE_INDEX=0", "CI_NODE_TOTAL=3"}, "1/3", false},
		{"CircleCI", "auto", []string{"CIRCLE_NODE_INDEX=2", "CIRCLE_NODE_TOTAL=3"}, "3/3", false},
		{"Buildkite", "auto", []string{"BUILDKITE_PARALLEL_JOB=0", "BUILDKITE_PARALLEL_JOB_COUNT=5"}, "1/5", false},
		{"Azure", "auto", []string{"SYSTEM_JOBPOSITIONINPHASE=5", "SYSTEM_TOTALJOBSINPHASE=5"}, "5/5", false},
		{"Semaphore", "auto", []string{"SEMAPHORE_JOB_INDEX=4", "SEMAPHORE_JOB_COUNT=5"}, "4/5", false},
		{"Bitbucket", "auto", []string{"BITBUCKET_PARALLEL_STEP=4", "BITBUCKET_PARALLEL_STEP_COUNT=5"}, "5/5", false},
		{"Kubernetes", "auto", []string{"JOB_COMPLETION_INDEX=0", "PLUGPROOF_SHARDS=4"}, "1/4", false},
		{"Kubernetes, which does not say how many", "auto", []string{"JOB_COMPLETION_INDEX=0"}, "PLUGPROOF_SHARDS is not set", true},
		{"beyond the end", "auto", []string{"CIRCLE_NODE_INDEX=3", "CIRCLE_NODE_TOTAL=3"}, `CIRCLE_NODE_INDEX is "3"`, true},
		{"no number", "auto", []string{"CIRCLE_NODE_INDEX=x", "CIRCLE_NODE_TOTAL=3"}, "no number", true},
		{"two that agree", "auto", []string{"CIRCLE_NODE_INDEX=0", "CIRCLE_NODE_TOTAL=3", "BUILDKITE_PARALLEL_JOB=0", "BUILDKITE_PARALLEL_JOB_COUNT=3"}, "1/3", false},
		{"two that do not", "auto", []string{"CIRCLE_NODE_INDEX=0", "CIRCLE_NODE_TOTAL=3", "BUILDKITE_PARALLEL_JOB=1", "BUILDKITE_PARALLEL_JOB_COUNT=3"}, "of Buildkite say 2/3", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var talk bytes.Buffer
			a := &app{env: Env{Environ: tt.env, Stderr: &talk}}
			got, err := a.shard(shardFlag(tt.flag))
			var e *Error
			switch {
			case !tt.fails && (err != nil || got.String() != tt.want):
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			case tt.fails && (!errors.As(err, &e) || e.Code != ExitUsage || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, %v, want a usage error with %q", got, err, tt.want)
			}
			if tt.flag == autoShard && !tt.fails && !strings.Contains(talk.String(), "shard "+results.Shard(got).String()) {
				t.Errorf("it did not say which part this is: %q", talk.String())
			}
		})
	}
}
