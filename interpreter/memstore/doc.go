// Package memstore keeps records, audio and small maps with expiry in memory: for tests, for `pintle test` and for
// state that need not outlive the process.
//
// Read [Records] first. It is a whole store without a file; [Map] is for nonces and idempotency tokens, bounded because
// go-cache is not. No type here starts a goroutine: what has expired is never seen, and Sweep, run by the owner under a
// context, frees its memory. So everything works inside a synctest bubble.
//
// Anything but package interpreter may import it; it imports interpreter alone. Test it with the suite of storetest.
package memstore
