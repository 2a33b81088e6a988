// Package storetest is the suite that every implementation of [interpreter.Records] and [interpreter.Blobs] passes: it
// says in code what the two interfaces promise beyond their comments.
//
// Start with [Records]. Tests of store packages import it, nothing else does; it is tested by the stores it tests. Each
// case runs in a synctest bubble, so a store must have joined its goroutines when the cleanup of its test is over.
package storetest
