package interpreter

// Outcome says where the loop goes after a step. The zero value continues.
type Outcome struct {
	kind outcomeKind
	key  string
	req  Request
	flow *Step

	refuse *Hangup // how a call that is still unanswered ends when no step is left; nil: as before
}

type outcomeKind uint8

const (
	outContinue outcomeKind = iota
	outBranch
	outGoto
	outEnter
	outStop
	outEnd
	outRelease
)

// Continue goes to the next step, or to the child "_".
func Continue() Outcome { return Outcome{} }

// Branch goes to the child key, else to "_".
func Branch(key string) Outcome { return Outcome{kind: outBranch, key: key} }

// Goto replaces the document by what r answers. The following steps are never reached, unless r.Else is set and the
// request fails: then the loop goes on with the step's child of that name in the old document.
func Goto(r Request) Outcome { return Outcome{kind: outGoto, req: r} }

// Enter runs another flow; when that one stops, this step's child "_" goes on. At most [MaxEnters] a call.
func Enter(flow *Step) Outcome { return Outcome{kind: outEnter, flow: flow} }

// Stop ends the flow: one that was left by Enter goes on, else the call is hung up. The end of a document is a Stop.
func Stop() Outcome { return Outcome{kind: outStop} }

// End hangs up, whatever was left by Enter.
func End() Outcome { return Outcome{kind: outEnd} }

// Release stops interpreting and leaves the leg to someone else.
func Release() Outcome { return Outcome{kind: outRelease} }

// Refusing is the same outcome of a step that left the call unanswered because it reached nobody: if no later step
// answers the call, not even one of a later document, it is refused at its end as why says, and never answered.
func (o Outcome) Refusing(why Hangup) Outcome {
	o.refuse = &why
	return o
}

// String names the outcome for traces and tests.
func (o Outcome) String() string {
	switch o.kind {
	case outBranch:
		return "branch " + o.key
	case outGoto:
		return "goto " + shownURL(o.req.URL)
	case outEnter:
		return "enter"
	case outStop:
		return "stop"
	case outEnd:
		return "end"
	case outRelease:
		return "release"
	default:
		return "continue"
	}
}

// Request returns the request of a Goto, for tests of verbs.
func (o Outcome) Request() (Request, bool) { return o.req, o.kind == outGoto }
