// Package outbox delivers callbacks, durably: what was queued is on disk before anyone is told, and is posted until it
// arrives or three attempts have failed, over restarts of the process.
//
// Read [Outbox] first; lane.go has the order of attempts, deliver.go what counts as delivered. A callback that is given
// up becomes a [Dead] letter, which is kept and shown. A callback may arrive twice when the process dies between its
// delivery and the note of it; both carry the same idempotency token.
//
// Anything but package interpreter may import it; it imports interpreter alone. Tests run in synctest bubbles on
// memstore and a web that answers as the test says.
package outbox
