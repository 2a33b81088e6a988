// Package interpreter is the domain of the engine: a call, the document that drives it, and the loop that fetches,
// parses and runs one document after another.
//
// Read [Call] first, then [Verb], [Step] and the loop in loop.go. The package knows no SIP, no RTP, no verb and no
// dialect: legs, lines, stores and the HTTP client are interfaces declared here and implemented elsewhere. Everything
// of ours may import it; it imports nothing of ours.
//
// It is tested without sockets and in virtual time (testing/synctest) with the fake leg of package fixtures.
package interpreter
