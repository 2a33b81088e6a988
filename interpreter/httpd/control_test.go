package httpd_test

import (
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// controlled is a server with one route that asks for a log-in and one that does not belong to the operator's.
func controlled(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, httpd.Config{})
	auth := httpd.NewAuth(r.account)
	r.Handle(http.MethodGet, "/v1/secret", auth.Require(func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("told") }))
	r.Handle(http.MethodGet, "/other", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("other") })
	return r
}

func askControl(t *testing.T, path, route string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine"+route, nil)
	must(t, err)
	resp, err := httpd.ControlClient(path).Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(b)
}

// The owner of the socket needs no log-in, and reaches the API alone; over HTTP the same route asks for one.
func TestControlSocket(t *testing.T) {
	r := controlled(t)
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40)) // longer than the address of a socket may be
	must(t, os.MkdirAll(dir, 0o755))
	path := filepath.Join(dir, httpd.ControlName)
	// What a killed engine leaves behind.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	must(t, err)
	stale.SetUnlinkOnClose(false)
	name := stale.Addr().String()
	must(t, stale.Close())
	must(t, os.Rename(name, path))

	c, err := r.OpenControl(path)
	if err != nil {
		t.Fatalf("a stale socket is in the way: %v", err)
	}
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, want 0600", info.Mode())
	}
	for route, want := range map[string]struct {
		status int
		body   string
	}{
		"/v1/secret":         {200, "told"},
		"/healthz":           {200, `"status":"ok"`},
		"/metrics":           {200, "pintle_"},
		"/other":             {404, ""},
		"/v1/../other":       {404, ""},
		"/v1/%2e%2e/other":   {404, ""},
		"/v1/no-such-thing":  {404, ""},
		"/v1%2fsecret":       {404, ""},
		"/2010-04-01/secret": {404, ""},
	} {
		if status, body := askControl(t, path, route); status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %.80q, want %d %q", route, status, body, want.status, want.body)
		}
	}
	var over fasthttp.RequestCtx
	over.Request.SetRequestURI("/v1/secret")
	r.Serve(&over)
	if got := over.Response.StatusCode(); got != http.StatusUnauthorized {
		t.Errorf("over HTTP without a log-in: %d, want 401", got)
	}
	if _, err = r.OpenControl(path); err == nil || !strings.Contains(err.Error(), "another engine") {
		t.Errorf("a second engine took the socket: %v", err)
	}
	must(t, c.Close())
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A file that is no socket is not touched, and a socket that has been replaced is not removed.
func TestControlLeavesOthersAlone(t *testing.T) {
	r := controlled(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "notes")
	must(t, os.WriteFile(path, []byte("mine"), 0o600))
	if _, err := r.OpenControl(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("%v, want a refusal", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file is now %q, %v", b, err)
	}
	if _, err := r.OpenControl(filepath.Join(dir, "missing", "s")); err == nil {
		t.Error("a folder that does not exist was accepted")
	}

	c, err := r.OpenControl(filepath.Join(dir, "s"))
	must(t, err)
	must(t, os.Remove(c.Path()))
	must(t, os.WriteFile(c.Path(), nil, 0o600))
	must(t, c.Close())
	if _, err := os.Stat(c.Path()); err != nil {
		t.Errorf("what took the socket's place is gone: %v", err)
	}
}

func TestControlClientWithoutEngine(t *testing.T) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://engine/v1/secret", nil)
	must(t, err)
	resp, err := httpd.ControlClient(filepath.Join(t.TempDir(), "none")).Do(req)
	if err == nil {
		resp.Body.Close()
		t.Error("nobody answered")
	}
}
