// Package presence keeps what lamps show and who watches them, without SIP: states of calls, states that flows set,
// messages that wait, documents of phones that publish their own, and the book of subscriptions.
//
// Look at Board first. It is told of calls (CallChanged), of states (SetLamp, SetMessages, Publish) and of phones that
// come and go (Touch); it makes the documents of RFC 4235, RFC 3842 and RFC 3863 and hands them, one at a time for each
// subscription and at most one a second, to the Sender of the subscription. A Board starts goroutines for
// notifications alone, and Close waits for them.
//
// Only sipedge and cmd import this package; it imports interpreter alone. Tests run in synctest bubbles; the parsers
// of published documents have fuzz targets.
package presence
