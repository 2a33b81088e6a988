// Package inspect serves what people look at in a browser: the phone page, its tokens and its WebSocket.
//
// [Phone] registers its routes on a [httpd.Server]; what a page says is passed on as messages, whose meaning is the
// affair of package sipedge/browser. Only cmd imports it. Handlers are tested without a listener, the WebSocket with
// a real one, the page itself in Chromium (folder e2e).
package inspect
