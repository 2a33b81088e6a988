package httpd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// ControlName is the name of the control socket in the data directory.
const ControlName = "control.sock"

const (
	controlConns   = 64
	controlDial    = 2 * time.Second
	maxSocketPath  = 100 // octets: what every system takes in an address of a Unix socket
	controlFolders = ".control-"
)

// controlKey marks requests of the control socket. No client can set a value of this type.
type controlKey struct{}

// Control is the Unix socket by which the commands of the operator speak to a running engine. Whoever may open it is
// the operator: the file belongs to the user of the engine and nobody else may read or write it.
type Control struct {
	path     string
	file     fs.FileInfo
	listener *net.UnixListener
	http     *fasthttp.Server
	wg       sync.WaitGroup
	err      error // of serving
}

// OpenControl answers the API (/v1), /healthz and /metrics on a Unix socket until Close. A socket that a killed engine
// left is replaced; one that somebody answers on is not, nor is a file that is no socket.
func (s *Server) OpenControl(path string) (*Control, error) {
	if err := free(path); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	c := &Control{path: path}
	if err := c.listen(); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	c.http = &fasthttp.Server{Handler: s.serveControl, ErrorHandler: unreadable, NoDefaultServerHeader: true,
		CloseOnShutdown: true, ReadTimeout: s.cfg.BodyTime, IdleTimeout: s.cfg.IdleTime, MaxRequestBodySize: s.cfg.Body,
		ReadBufferSize: s.cfg.Header, Concurrency: controlConns, Logger: quiet{s.cfg.Log}}
	c.wg.Go(func() { c.err = c.http.Serve(c.listener) })
	return c, nil
}

// free refuses a path that is not ours to take.
func free(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is not a socket; move it elsewhere", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlDial)
	defer cancel()
	if conn, err := dialControl(ctx, path); err == nil {
		conn.Close() //nolint:errcheck // nothing was written
		return fmt.Errorf("another engine answers at %s; stop it, or choose another data directory", path)
	}
	return nil
}

// listen makes the socket in a folder that nobody else may enter, since a fresh socket may be opened by anyone, and
// moves it to its place when it may not.
func (c *Control) listen() error {
	folder, err := os.MkdirTemp(filepath.Dir(c.path), controlFolders)
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // an empty folder does no harm
	made := filepath.Join(folder, "s")
	name, done, err := shortPath(made)
	if err != nil {
		return err
	}
	defer done()
	if c.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"}); err != nil {
		return err
	}
	c.listener.SetUnlinkOnClose(false)
	err = errors.Join(os.Chmod(made, 0o600), os.Rename(made, c.path))
	if err == nil {
		c.file, err = os.Lstat(c.path)
	}
	if err != nil {
		c.listener.Close() //nolint:errcheck // the first error counts
	}
	return err
}

// shortPath names a file in a way that fits into the address of a socket: where the system shows open folders as files,
// by its folder. done is called when the name is no longer needed.
func shortPath(path string) (name string, done func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	name = fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	if _, err := os.Stat(name); err != nil {
		dir.Close() //nolint:errcheck // it was only opened
		return "", nil, fmt.Errorf("the path has %d octets, a socket's may have %d: choose a shorter data directory",
			len(path), maxSocketPath)
	}
	return name + "/" + filepath.Base(path), func() { dir.Close() }, nil //nolint:errcheck // it was only opened
}

// Path is where the socket is.
func (c *Control) Path() string { return c.path }

// Close lets running requests finish for a second, removes the socket and returns when everything has ended.
func (c *Control) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := c.http.ShutdownWithContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	c.listener.Close() //nolint:errcheck // closed by the server, unless it had no time to begin
	c.wg.Wait()
	if now, gone := os.Lstat(c.path); gone == nil && os.SameFile(now, c.file) {
		err = errors.Join(err, os.Remove(c.path))
	}
	if err = errors.Join(err, c.err); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close control socket: %w", err)
	}
	return nil
}

// serveControl answers one request of the operator, without asking who it is.
func (s *Server) serveControl(ctx *fasthttp.RequestCtx) {
	defer s.recover(ctx)
	path := string(ctx.Path())
	if !plain(ctx.URI().PathOriginal()) || !strings.HasPrefix(path, "/v1/") && path != "/healthz" && path != "/metrics" {
		NotFound(ctx)
		return
	}
	ctx.SetUserValue(controlKey{}, true)
	s.router.Handler(ctx)
}

// FromControl tells whether a request came by the control socket, from the operator.
func FromControl(ctx *fasthttp.RequestCtx) bool { return fromControl(ctx) }

func fromControl(ctx *fasthttp.RequestCtx) bool {
	marked, _ := ctx.UserValue(controlKey{}).(bool)
	return marked
}

// ControlClient returns a client that speaks to the engine behind a control socket, whatever the host in the URL.
// Nothing limits its requests but their contexts.
func ControlClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialControl(ctx, path) }}}
}

func dialControl(ctx context.Context, path string) (net.Conn, error) {
	name, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return new(net.Dialer).DialContext(ctx, "unix", name)
}
