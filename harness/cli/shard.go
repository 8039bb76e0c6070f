package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/plugproof/plugproof/results"
)

// autoShard is the --shard that asks the CI system.
const autoShard = "auto"

// shardSource is where a CI system says which of several equal jobs this is. Every one of these systems sets both variables, and only in jobs
// that were made parallel (Azure always). GitHub Actions sets none: there a matrix gives --shard itself.
type shardSource struct {
	system string
	index  string // variable
	count  string // variable
	first  int    // what the first job is called
	only   string // a variable that must be set too, where two systems use the same names; "" for none
}

// Documentation: docs.gitlab.com/ci/variables/predefined_variables, circleci.com/docs/variables, buildkite.com/docs/pipelines/configure/environment-variables,
// learn.microsoft.com/azure/devops/pipelines/build/variables, docs.semaphoreci.com/reference/env-vars, support.atlassian.com (Bitbucket's variables),
// devcenter.heroku.com/articles/heroku-ci-parallel-test-runs.
var shardSources = []shardSource{
	{"GitLab CI", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1, "GITLAB_CI"},
	{"CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0, ""},
	{"Buildkite", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0, ""},
	{"Azure Pipelines", "SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1, ""},
	{"Semaphore", "SEMAPHORE_JOB_INDEX", "SEMAPHORE_JOB_COUNT", 1, ""},
	{"Bitbucket Pipelines", "BITBUCKET_PARALLEL_STEP", "BITBUCKET_PARALLEL_STEP_COUNT", 0, ""},
	{"Heroku CI", "CI_NODE_INDEX", "CI_NODE_TOTAL", 0, "HEROKU_TEST_RUN_ID"},
	{"a Kubernetes Indexed Job", "JOB_COMPLETION_INDEX", "PLUGPROOF_SHARDS", 0, ""},
}

// shardFlag is --shard. An empty value is what a script gives whose variable is not set, and is no part.
type shardFlag string

func (f *shardFlag) String() string { return string(*f) }
func (f *shardFlag) Type() string   { return "PART" }

// Set refuses the empty value.
func (f *shardFlag) Set(text string) error {
	if text == "" {
		return errors.New("it is empty: the variable that was to say the part is not set")
	}
	*f = shardFlag(text)
	return nil
}

// shard reads --shard. A job whose CI system did not say which part is its own must not do everything: every job would, and all would be green.
func (a *app) shard(text shardFlag) (results.Shard, error) {
	if text == "" {
		return results.Shard{}, nil
	}
	if text != autoShard {
		s, err := results.ParseShard(string(text))
		if err != nil {
			return s, usagef("write --shard 2/7, or --shard auto in a CI job", "%w", err)
		}
		return s, nil
	}
	var found results.Shard
	said := ""
	for _, src := range shardSources {
		if src.only != "" && a.getenv(src.only) == "" || a.getenv(src.index) == "" {
			continue
		}
		s, err := src.read(a.getenv(src.index), a.getenv(src.count))
		if err != nil {
			return s, usagef("give --shard i/n yourself", "--shard auto: %s: %w", src.system, err)
		}
		if said != "" && s != found {
			return s, usagef("give --shard i/n yourself", "--shard auto: the variables of %s say %s and those of %s say %s", said, found, src.system, s)
		}
		found, said = s, src.system
	}
	if said == "" {
		return found, usagef("make the job parallel, or give --shard i/n yourself; 'plugproof help environment' lists the variables",
			"--shard auto: no CI system says which part this job is")
	}
	a.note("shard %s, as %s says", found, said)
	return found, nil
}

// read makes a shard of the two variables' values.
func (src shardSource) read(index, count string) (results.Shard, error) {
	if count == "" {
		return results.Shard{}, fmt.Errorf("%s is %q, and %s is not set", src.index, index, src.count)
	}
	i, err := strconv.Atoi(index)
	if err != nil {
		return results.Shard{}, fmt.Errorf("%s is %q, which is no number", src.index, index)
	}
	s, err := results.ParseShard(fmt.Sprintf("%d/%s", i-src.first+1, count))
	if err != nil {
		return s, fmt.Errorf("%s is %q and %s is %q: %w", src.index, index, src.count, count, err)
	}
	return s, nil
}

// partName is "2/7", or "" for everything.
func partName(s results.Shard) string {
	if s.Whole() {
		return ""
	}
	return s.String()
}

// shardHelp lists the variables for people.
func shardHelp() string {
	var b strings.Builder
	b.WriteString("--shard auto reads the variables of the CI system, in which the first job is number 0 or 1:\n")
	for _, src := range shardSources {
		only := ""
		if src.only != "" {
			only = ", if " + src.only + " is set"
		}
		fmt.Fprintf(&b, "  %s and %s (from %d): %s%s\n", src.index, src.count, src.first, src.system, only)
	}
	b.WriteString("GitHub Actions sets none: make a matrix of the numbers and give --shard ${{ matrix.shard }}/4. Kubernetes says no number of jobs:\nset PLUGPROOF_SHARDS beside completions.")
	return b.String()
}
