// Package httpd is the one HTTP server of the engine: its limits, its health and metrics, who may log in, and the sound
// of recordings.
//
// Read [Server] first. Packages that serve something register handlers with [Server.Handle] before it starts; a handler
// copies what it keeps, because the server uses a request's memory again. [Sounds] answers a recording's URL, [Auth]
// and [Links] decide who hears it, [LoadIdentity] makes the account of a first start.
//
// interpreter/rest, api and inspect and cmd may import it; it imports interpreter alone. Handlers are tested by calling
// them with a RequestCtx; one test uses a real listener, since fasthttp's goroutines do not fit into a bubble.
package httpd
