// Package sipedge is the SIP side of the engine: it listens on UDP and TCP, keeps dialogs, negotiates audio and turns
// all of it into interpreter.Leg and interpreter.Lines. It is the only code that imports sipgo and pion/sdp, and no
// type of theirs leaves it.
//
// Look at Edge first: it owns the sockets, the dialog store and every goroutine. What arrives passes, in this order,
// the packet filter or the stream guard (filter.go, stream.go), the strict layer (raw.go, checks.go), the arrival hook
// that keeps the order of the wire (arrive.go), sipgo's transactions, and at last the dialog's own goroutine
// (dialog.go).
//
// Only cmd may import this package. Tests use real sockets on the loopback interface with a peer that writes raw octets
// (loopback_test.go); everything that parses foreign octets has a fuzz target. testdata/sipp holds scenarios for SIPp,
// run against an engine that answers: sipp HOST:PORT -sf hold_resume.xml -s NUMBER -m 20 -r 10, with -t t1 for TCP, and
// scenarios of carriers for a flow that dials; fixtures/e2e runs them all.
package sipedge
