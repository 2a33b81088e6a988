// Package dirstore keeps audio as files in one directory.
//
// Read [Store] first. Names are generated ids and are checked again here; every file is opened through an [os.Root], so
// that no name and no symbolic link leads out of the directory. A blob is written under partial/ and moved to its
// place, synced, when it is closed: whatever stands in partial/ when the store opens was cut off by a crash, is
// repaired, and moved as well. Close to the end of the disk writing stops with fault 90004; what was written is kept.
//
// Anything but package interpreter may import it; it imports interpreter alone. Test it with the suite of storetest.
package dirstore
