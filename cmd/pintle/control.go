package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"pintle/interpreter/httpd"
)

const (
	controlTime   = 30 * time.Second // for one answer
	maxControl    = 64 << 20         // octets of one
	controlOrigin = "http://engine"  // the socket leads there, whatever the name
)

// asked says which running engine a command means.
type asked struct {
	Config string `help:"Configuration file of the engine, for its data folder." placeholder:"FILE"`
	Data   string `help:"Data folder of the engine (default ${data})." placeholder:"DIR"`
}

// folder is the data folder of the engine that is meant.
func (a asked) folder() (string, error) {
	if a.Data != "" {
		return a.Data, nil
	}
	c, err := loadConfig(a.Config)
	if err != nil {
		return "", err
	}
	if c.Data != "" {
		return c.Data, nil
	}
	return defaultData, nil
}

// remote is a running engine.
type remote struct {
	dir    string
	client *http.Client
}

func (a asked) remote() (*remote, error) {
	dir, err := a.folder()
	if err != nil {
		return nil, err
	}
	return remoteAt(dir), nil
}

func remoteAt(dir string) *remote {
	return &remote{dir: dir, client: httpd.ControlClient(filepath.Join(dir, httpd.ControlName))}
}

// answer is what the engine answered to one request.
type answer struct {
	status int
	body   []byte
}

// ask sends one request. The error of an engine that is not there says where it was looked for.
func (r *remote) ask(ctx context.Context, method, path string, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	var src io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		src = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, controlOrigin+path, src)
	if err != nil {
		return answer{}, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return answer{}, r.absent(rootCause(err))
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxControl))
	if err != nil {
		return answer{}, exitf(exitUnreachable, "the engine broke off its answer: %w", err)
	}
	return answer{resp.StatusCode, b}, nil
}

// absent is the error of an engine that cannot be asked.
func (r *remote) absent(err error) error {
	at := absolute(filepath.Join(r.dir, httpd.ControlName))
	if errors.Is(err, fs.ErrPermission) {
		return exitf(exitUnreachable, "%s belongs to another user: run this command as the user of the engine (%w)", at, err)
	}
	return exitf(exitUnreachable, "no engine answers at %s: start one with 'pintle serve', or name its data folder with "+
		"--data (%w)", at, err)
}

// get asks for v.
func (r *remote) get(ctx context.Context, path string, v any) error {
	a, err := r.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return a.refusal()
	}
	return json.Unmarshal(a.body, v)
}

// refusal is the error of an answer that is none.
func (a answer) refusal() error {
	var p struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(a.body, &p) != nil || p.Message == "" {
		p.Message = fmt.Sprintf("HTTP %d", a.status)
	}
	return exitf(exitFailed, "the engine refuses: %s", p.Message)
}

// rootCause is the innermost error: the outer ones tell of a URL that nobody wrote.
func rootCause(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		inner := u.Unwrap()
		if inner == nil {
			return err
		}
		err = inner
	}
}
