package httpd_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pintle/interpreter/httpd"
)

func FuzzRangeHeader(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-5", "bytes=5-", "bytes=9-2", "bytes=0-0,2-3",
		"bytes=99999999999999999999-", "lines=1-2", "bytes=+1-2", ""} {
		f.Add(s)
	}
	r := newRig(f, httpd.Config{Rate: -1})
	f.Fuzz(func(t *testing.T, header string) {
		if strings.ContainsAny(header, "\r\n\x00") {
			return
		}
		got := r.do(ask{path: r.path(""), login: &r.account, header: map[string]string{"Range": header}})
		switch got.status {
		case http.StatusOK:
			if got.body != sound {
				t.Errorf("%q: whole %q", header, got.body)
			}
		case http.StatusPartialContent:
			var from, to, size int
			if _, err := fmt.Sscanf(got.header("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil ||
				size != len(sound) || got.body != sound[from:to+1] {
				t.Errorf("%q: %s with %q", header, got.header("Content-Range"), got.body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Errorf("%q: %d", header, got.status)
		}
	})
}
