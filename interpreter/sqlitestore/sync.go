package sqlitestore

import (
	"fmt"
	"os"
	"path/filepath"
)

// syncer brings the log to the disk, beside the writer: a fsync takes as long as many commits, and a call that begins
// must not wait for the disk because another one ends. One fsync serves all that were committed before it began.
//
// That the log is synced through a file of our own is sound: what SQLite has written to the log and not yet moved to
// the database is in that file, it syncs the log itself before it moves anything, and it holds no lock on it that
// closing our file would give up.
type syncer struct {
	path      string          // of the log
	committed chan []*request // in the log, to be told when on disk
}

// syncQueue is how many groups wait for the disk before the writer does.
const syncQueue = 256

func newSyncer(cfg Config) syncer {
	return syncer{path: filepath.Join(cfg.Dir, databaseName+"-wal"), committed: make(chan []*request, syncQueue)}
}

// tell tells the owners of what is committed, those who want it on disk by way of the syncer.
func (w *writer) tell(list []*request) {
	var rest []*request
	for _, r := range list {
		if r.how == onDisk {
			rest = append(rest, r)
			continue
		}
		r.done <- nil
	}
	if len(rest) > 0 {
		w.log.committed <- rest
	}
}

// syncAll serves until committed is closed, and then what is left in it.
func (w *writer) syncAll() {
	var log *os.File
	defer func() {
		if log != nil {
			log.Close() //nolint:errcheck // synced before; it was opened for that alone
		}
	}()
	for list := range w.log.committed {
		for more := true; more; {
			select {
			case next, ok := <-w.log.committed:
				list, more = append(list, next...), ok
			default:
				more = false
			}
		}
		err := w.injected(opSync)
		if err == nil && log == nil {
			log, err = os.OpenFile(w.log.path, os.O_RDWR, 0)
		}
		if err == nil {
			err = log.Sync()
		}
		if err != nil {
			err = fmt.Errorf("sync: %w", err)
			w.waitOut(err) // it stops the store: nobody knows what a disk holds that failed to sync
		}
		for _, r := range list {
			r.done <- err
		}
	}
}
