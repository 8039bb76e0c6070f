package cause

// runWord is a word that a run's table and records use beside the verdicts.
type runWord struct{ id, meaning, how, fix string }

var runWords = []runWord{
	{"build-failed", "the source does not build", "The compiler, a before command or a {{cmd:...}} failed; its message is in the record. What needs the build is skipped.", "make the build work; the message says where"},
	{"predicted", "nobody said what the load should come to", "Host and plugin use different Gos and no [[expect]] names the cell: it passes when prediction and machine agree, whatever they agree on.", "write an [[expect]] with when, plugin and verdict"},
	{"unobserved", "nothing was seen of the plugin", "The host does not report its opens, as a shipped binary does not. How it ended may fit the prediction, and proves nothing.", "name the host's package so that a probe can load, or accept the prediction alone with --no-boot"},
	{"not-as-shipped", "the twins are equal, and are not the bytes that were shipped", "[[plugin]] against or rebuild --against names other bytes. Settings that the shipped file tells of, or that are often forgotten, were tried; the subject's line says which.", "rebuild --against FILE says by which settings the shipped file was built, if one is known"},
	{"throw", "Go's runtime ended the process", "A fatal error that nothing can recover from, or a panic that nobody recovered.", "read the last line of standard error: it is in the record and in the load's log"},
	{"hang", "the process neither ended nor worked", "It used up its budget of CPU time, or was idle and silent for too long; it was ended with SIGQUIT, so its goroutines are in the load's log.", "look at the goroutines"},
	{"inconclusive", "nothing was learned", "A step ended in error, or was skipped for a reason that nobody asked for. It is never green: the gate answers 3.", "cure what the reason names, then verify --resume RUN"},
}
