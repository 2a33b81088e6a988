// Package sqlitestore keeps records in SQLite files in the data directory, so that they survive the process and, where
// that was promised, the machine's power.
//
// Read [Store] first. One goroutine writes: it puts all that waits into one transaction, so concurrent batches share
// one fsync (writer.go). Readers have connections of their own and never wait. Traces of calls go to a second file that
// nothing depends on (trace.go). A full disk is waited out; any other failed write stops the store for good, because
// after a failed fsync nobody knows what is on the disk.
//
// Anything but package interpreter may import it; it imports interpreter alone. Test it with the suite of storetest;
// kill_test.go ends child processes in the middle of their writes.
package sqlitestore
