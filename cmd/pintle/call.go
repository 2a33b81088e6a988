package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/sirupsen/logrus"

	"pintle/fixtures/phone"
	"pintle/interpreter"
	"pintle/interpreter/timeline"
)

// callCmd places one call through a flow: the engine and a scripted phone in one process, joined by SIP and RTP on
// loopback.
type callCmd struct {
	URL      string        `arg:"" name:"url-or-file" help:"The flow: a webhook, or a file with a document."`
	Press    string        `help:"What the caller does: keys, wait:2s, quiet:1s, play:FILE, tone:600/2000, hangup; separated by commas." placeholder:"SCRIPT"`
	SayKeys  bool          `help:"Send keys as tones in the sound instead of RFC 4733 events."`
	From     string        `default:"+15005550010" help:"Caller's number."`
	To       string        `default:"+15005550001" help:"Called number."`
	Wav      string        `help:"Keep the sound: left what the caller hears, right what the caller says." placeholder:"FILE"`
	Method   string        `help:"Method of the first request." placeholder:"METHOD"`
	Dialect  string        `help:"Parameter names of the first request: twiml or kazoo." placeholder:"NAME"`
	Fallback string        `help:"Asked, or run, when the application fails." placeholder:"URL-or-FILE"`
	Gateway  string        `help:"SIP URI that dialled numbers are sent to." placeholder:"URI"`
	Data     string        `help:"Folder of records and recordings (default: a temporary one)." placeholder:"DIR"`
	Limit    time.Duration `default:"5m" help:"The caller hangs up after this."`
	JSON     bool          `name:"json" help:"Print one JSON object a line."`
}

// Help shows examples.
func (callCmd) Help() string {
	return `Examples:
  pintle call http://127.0.0.1:3000/voice --press 'wait:2s,1,quiet:1s,4321#'
  pintle call menu.xml --press '1' --wav heard.wav
  pintle call https://app.example.com/pivot --dialect kazoo --json

Exit codes: 0 ended normally, 1 the flow failed, 2 usage, 3 application unreachable, 4 bad document.`
}

// Run places the call and prints its timeline.
func (c callCmd) Run(ctx context.Context) error {
	script, err := phone.ParseScript(c.Press)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	cfg, cleanup, err := c.configure()
	if err != nil {
		return err
	}
	defer cleanup()
	seen := &verdict{over: make(chan struct{})}
	out := &timeline.Printer{W: os.Stdout, JSON: c.JSON, Color: isatty.IsTerminal(os.Stdout.Fd())}
	quiet := logrus.New()
	quiet.SetOutput(os.Stderr)
	quiet.SetLevel(logrus.ErrorLevel)
	e, err := openEngine(ctx, cfg, logrus.NewEntry(quiet), out.Observe, seen.observe)
	if err != nil {
		return err
	}
	defer e.close()
	if err := c.place(ctx, e, script, seen); err != nil {
		return err
	}
	e.drain(ctx, 10*time.Second)
	return seen.exit()
}

// configure makes the configuration of an engine for one call.
func (c callCmd) configure() (*config, func(), error) {
	cfg := &config{Data: c.Data}
	cleanup := func() {}
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "pintle-call-")
		if err != nil {
			return nil, nil, err
		}
		cfg.Data = dir
		cleanup = func() { os.RemoveAll(dir) } //nolint:errcheck // the system empties its temporary folder, too
	}
	cfg.HTTP.Listen, cfg.SIP.Listen, cfg.SIP.Gateway = "127.0.0.1:0", "127.0.0.1:0", c.Gateway
	cfg.Fetch.allowLoopback, cfg.noBrowsers = true, true
	cfg.Voice = flowConfig{URL: c.URL, Method: c.Method, Dialect: c.Dialect, Fallback: c.Fallback}
	if err := cfg.complete(); err != nil {
		cleanup()
		return nil, nil, err
	}
	return cfg, cleanup, nil
}

// place makes the call and follows the script until either side is done.
func (c callCmd) place(ctx context.Context, e *engine, script phone.Script, seen *verdict) error {
	p, err := phone.Open(phone.Config{})
	if err != nil {
		return err
	}
	defer p.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, c.Limit, errLimit)
	defer cancel()
	line, err := p.Call(ctx, fmt.Sprintf("sip:%s@%s", c.To, e.edge.Addr()), c.From)
	if err != nil {
		var refused *interpreter.DialError
		if !errors.As(err, &refused) {
			return err
		}
		seen.wait(ctx)
		return nil // the flow refused the call; the timeline has shown it
	}
	if c.SayKeys {
		script = asTones(script)
	}
	err = line.Run(ctx, script)
	if err == nil {
		select {
		case <-line.Context().Done():
		case <-ctx.Done():
		}
	}
	line.Hangup(ctx)
	seen.wait(context.WithoutCancel(ctx))
	if c.Wav != "" {
		if unkept := line.SaveWAV(c.Wav); unkept != nil {
			return fmt.Errorf("keep the sound: %w", unkept)
		}
		abs, _ := filepath.Abs(c.Wav) //nolint:errcheck // the name alone does as well
		fmt.Fprintf(os.Stderr, "sound: %s\n", abs)
	}
	if err != nil && line.Context().Err() == nil && context.Cause(ctx) == nil {
		return err
	}
	return nil
}

var errLimit = errors.New("the call lasted as long as --limit allows")

// asTones replaces keys by their tones.
func asTones(s phone.Script) phone.Script {
	var out phone.Script
	for _, step := range s {
		if step.Press == "" {
			out = append(out, step)
			continue
		}
		out = append(out, phone.Step{Tone: toneOf(step.Press)})
	}
	return out
}

// toneOf is the cadence of keys as a telephone's keypad makes them (ITU-T Q.23).
func toneOf(keys string) string {
	rows := map[rune]string{'1': "697+1209", '2': "697+1336", '3': "697+1477", 'A': "697+1633", '4': "770+1209",
		'5': "770+1336", '6': "770+1477", 'B': "770+1633", '7': "852+1209", '8': "852+1336", '9': "852+1477",
		'C': "852+1633", '*': "941+1209", '0': "941+1336", '#': "941+1477", 'D': "941+1633"}
	var parts []string
	for _, k := range keys {
		parts = append(parts, rows[k]+"/120,0/120")
	}
	return strings.Join(parts, ",")
}

// verdict gathers how the call ended.
type verdict struct {
	over chan struct{}

	mu    sync.Mutex
	first string // id of the caller's call
	cdr   *interpreter.CDR
}

func (v *verdict) observe(e interpreter.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.first == "" {
		v.first = e.Call
	}
	if e.Call != v.first || e.Kind != interpreter.EvCDR || v.cdr != nil {
		return
	}
	if cdr, ok := e.Data.(interpreter.CDR); ok {
		v.cdr = &cdr
		close(v.over)
	}
}

// wait returns when the call's record is written, or soon after ctx ends.
func (v *verdict) wait(ctx context.Context) {
	select {
	case <-v.over:
	case <-time.After(15 * time.Second):
	case <-ctx.Done():
	}
}

// exit turns the end of the call into the exit code.
func (v *verdict) exit() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cdr == nil {
		return exitf(exitFailed, "the call has no record: it was not taken")
	}
	code := v.cdr.Fault
	switch {
	case code == 0 && v.cdr.Status == interpreter.StatusFailed:
		return exitf(exitFailed, "the call failed: %d %s", v.cdr.Code, v.cdr.Reason)
	case code == 0:
		return nil
	case code == interpreter.CodeConnect, code == interpreter.CodeHost, code == interpreter.CodeTunnel,
		code >= interpreter.CodeTLS && code <= interpreter.CodeCertTrust:
		return exitf(exitUnreachable, "the application could not be reached: %s", explain(code, v.cdr.Reason))
	case code >= interpreter.CodeParse && code <= interpreter.CodeContentType, code == interpreter.CodeTooLarge:
		return exitf(exitBadDocument, "a document could not be used: %s", explain(code, v.cdr.Reason))
	default:
		return exitf(exitFailed, "the flow failed: %s", explain(code, v.cdr.Reason))
	}
}

func explain(code int, reason string) string {
	info, ok := interpreter.CodeByNumber(code)
	if !ok {
		return reason
	}
	return fmt.Sprintf("%d %s. %s", code, strings.ToLower(info.Title[:1])+info.Title[1:], info.Advice)
}
