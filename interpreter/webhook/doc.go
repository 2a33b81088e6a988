// Package webhook is the engine's HTTP client: it asks customers' applications for documents, delivers callbacks, and
// hands guarded clients to everything else that fetches something for a call.
//
// Read [Client] first, then [Client.Session] and the exchange in exchange.go. A Client implements interpreter.Web: the
// Fetcher of each call keeps that call's cookies and credentials, signs what it sends, follows redirects by hand so
// that each hop is judged and signed anew, and holds the whole exchange to one time limit. Every connection passes the
// address policy of policy.go at the moment it is made, whatever name or redirect led to it.
//
// The package imports interpreter alone and may be imported by fixtures and cmd; it is the only one that knows
// go-retryablehttp. It is tested against misbehaving servers on loopback; nothing in the tests needs the internet.
package webhook
