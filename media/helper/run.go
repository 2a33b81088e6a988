package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Errors that callers branch on.
var (
	// ErrNotInstalled means that the program was not found.
	ErrNotInstalled = errors.New("program is not installed")
	// ErrOutputTooLarge means that the program was ended because it wrote more than Program.MaxOutput.
	ErrOutputTooLarge = errors.New("program wrote too much")
	// ErrTimeLimit means that the program was ended because it ran longer than Program.Limit.
	ErrTimeLimit = errors.New("program ran too long")
)

const (
	defaultLimit  = 30 * time.Second
	defaultOutput = 64 << 20
	maxComplaint  = 4 << 10         // of standard error, kept for the error text
	closeWait     = 2 * time.Second // for pipes held open by a grandchild that left the process group
)

// Program is a program to run. Path and the limits matter; the rest may stay zero.
type Program struct {
	Path      string        // as Find returned it, or absolute
	Args      []string      // without the program's name; never seen by a shell
	Input     []byte        // given on standard input
	Dir       string        // working directory; empty means ours
	Env       []string      // the whole environment as NAME=value; nil means PATH and LANG alone
	Limit     time.Duration // 30 s if zero
	MaxOutput int           // octets of standard output; 64 MiB if zero
}

// ExitError is a program that ended by itself and was not content.
type ExitError struct {
	Code   int    // exit status, -1 after a signal
	Stderr string // the beginning of what it complained about, one line
}

// Error gives the exit status and the complaint.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return fmt.Sprintf("exit status %d: %s", e.Code, e.Stderr)
}

// Find looks a program up in PATH. The error wraps ErrNotInstalled.
func Find(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, ErrNotInstalled)
	}
	return path, nil
}

// Run runs p to its end and returns what it wrote to standard output. When ctx ends, or a limit of p is passed, the
// program and all processes of its group are killed and waited for; the error then is the cause of ctx, ErrTimeLimit
// or ErrOutputTooLarge, wrapped. An unhappy program gives an *ExitError.
func Run(ctx context.Context, p Program) ([]byte, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	ctx, stop := context.WithTimeoutCause(ctx, limit, ErrTimeLimit)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	out := &capped{left: p.MaxOutput, full: func() { cancel(ErrOutputTooLarge) }}
	if out.left <= 0 {
		out.left = defaultOutput
	}
	complaint := &capped{left: maxComplaint}
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(p.Input), out, complaint
	cmd.Dir, cmd.Env = p.Dir, environment(p.Env)
	cmd.WaitDelay = closeWait
	ownGroup(cmd)

	err := cmd.Run()
	// A signal sent to the group as a whole reaches what the program started and did not wait for.
	endGroup(cmd)
	if cause := context.Cause(ctx); cause != nil {
		return nil, fmt.Errorf("run %s: %w", p.Path, cause)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		said := strings.Join(strings.Fields(complaint.String()), " ")
		err = &ExitError{Code: exit.ExitCode(), Stderr: said}
	}
	if errors.Is(err, exec.ErrNotFound) {
		err = ErrNotInstalled
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", p.Path, err)
	}
	return out.Bytes(), nil
}

// capped keeps the first octets of a stream, calls full once when there are more, and drops those.
type capped struct {
	bytes.Buffer
	left int
	full func()
}

// Write never fails, so that the program is not surprised by a closed pipe before it is ended.
func (c *capped) Write(p []byte) (int, error) {
	keep := min(len(p), c.left)
	c.left -= keep
	c.Buffer.Write(p[:keep])
	if keep < len(p) && c.full != nil {
		c.full()
		c.full = nil
	}
	return len(p), nil
}

// ReadFrom hides the method of bytes.Buffer, which knows no cap.
func (c *capped) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}
