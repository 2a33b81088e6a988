package file

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestCacheWritesDownWhatMatters plays a file that is asked for at every play: the disk is touched for news alone.
func TestCacheWritesDownWhatMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, tag := t.TempDir(), `"1"`
		c := newCache(t, dir, func(r *http.Request) (int, http.Header, []byte) {
			if r.Header.Get("If-None-Match") != "" {
				return 304, head("ETag", tag), nil
			}
			return 200, head("ETag", tag), wavOf(800)
		})
		play := func() os.FileInfo {
			t.Helper()
			if _, err := c.Get(t.Context(), song); err != nil {
				t.Fatal(err)
			}
			names, err := filepath.Glob(filepath.Join(dir, "*"+metaEnd))
			if err != nil || len(names) != 1 {
				t.Fatalf("%v %v", names, err)
			}
			info, err := os.Stat(names[0])
			if err != nil {
				t.Fatal(err)
			}
			return info
		}
		play()
		before := play() // the first confirmation
		time.Sleep(time.Minute)
		if !os.SameFile(before, play()) {
			t.Error("a confirmation without news was written down")
		}
		time.Sleep(time.Hour)
		later := play()
		if os.SameFile(before, later) {
			t.Error("after an hour it was not written down that the copy is still good")
		}
		tag = `"2"`
		if os.SameFile(later, play()) {
			t.Error("a new validator was not written down")
		}
	})
}
