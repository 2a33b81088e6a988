package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/media/file"
	"pintle/sipedge/audio"
)

// router finds what a number runs: its own row, else a callflow of an account, else the voice flow, else nothing.
type router struct {
	live *live
	book *account.Book // nil: no accounts

	tests selfTests

	carriage func() *carriage                 // who carries calls now; nil: trunks may call every number
	trunksAt func(source netip.Addr) []string // ids of the trunks of an address
}

// Route looks the dialled number up. A number that the trunk may not call does not exist for it.
func (r *router) Route(l interpreter.LegInfo) (interpreter.Start, error) {
	if s, ok := r.tests.route(l.Request.User); ok {
		return s, nil
	}
	s, err := r.find(l)
	if err != nil {
		return s, err
	}
	return s, r.bound(l, s)
}

func (r *router) find(l interpreter.LegInfo) (interpreter.Start, error) {
	cfg := r.live.Load().cfg
	for _, n := range cfg.Number {
		if n.Number == l.Request.User || n.Number == l.To.User {
			s, err := n.Flow.start()
			s.Public = n.Public
			return s, err
		}
	}
	if s, err := r.accountCall(l); !errors.Is(err, interpreter.ErrNotFound) {
		return s, err
	}
	if cfg.Voice.URL == "" {
		return interpreter.Start{}, interpreter.ErrNotFound
	}
	s, err := cfg.Voice.start()
	s.Public = true
	return s, err
}

// start makes the beginning of a call from a flow of the configuration.
func (f flowConfig) start() (interpreter.Start, error) {
	first, err := flowURL(f.URL)
	if err != nil {
		return interpreter.Start{}, err
	}
	dialect := f.Dialect
	if dialect == "" {
		dialect = "twiml"
	}
	s := interpreter.Start{
		Request: interpreter.Request{URL: first, Method: strings.ToUpper(f.Method), Dialect: dialect,
			Static: f.Static},
		StatusCallback: interpreter.StatusCallback{URL: f.StatusCallback, Method: strings.ToUpper(f.StatusMethod)},
	}
	local := f.Local
	if f.Fallback != "" && !isURL(f.Fallback) {
		local = f.Fallback
	} else if f.Fallback != "" {
		s.Fallback = interpreter.Request{URL: f.Fallback, Method: strings.ToUpper(f.FallbackMethod), Dialect: dialect}
	}
	if local == "" {
		return s, nil
	}
	s.Local, err = readFlow(local)
	s.LocalName = filepath.Base(local)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("local flow: %w", err)
	}
	return s, nil // a file that has gone costs this hop, not the call
}

// calls gives inbound legs to the manager.
type calls struct {
	e    *engine
	late *lateLines
}

// Route finds what the number runs.
func (c calls) Route(l interpreter.LegInfo) (interpreter.Start, error) { return c.e.router.Route(l) }

// Start runs the call.
func (c calls) Start(leg interpreter.Leg, s interpreter.Start) error {
	<-c.late.ready
	if err := c.e.store.Health(); err != nil {
		return fmt.Errorf("%w: %w", interpreter.ErrOverload, err) // an answer would wait for the disk
	}
	_, err := c.e.manager.Start(leg, s)
	return err
}

// lateLines are the lines of an edge that is made after the manager it belongs to.
type lateLines struct {
	interpreter.Lines
	ready chan struct{} // closed when Lines is set
}

// ownSound opens the sound of our own recordings when a document plays a RecordingUrl: without a request to ourselves.
type ownSound struct{ e *engine }

// Get finds the recording behind a URL that we handed out.
func (o ownSound) Get(ctx context.Context, raw string) (*file.Clip, error) {
	rest, ok := strings.CutPrefix(raw, o.e.publicURL()+"/2010-04-01/Accounts/")
	if !ok {
		return nil, audio.ErrNotOwn
	}
	u, err := url.Parse(rest)
	if err != nil {
		return nil, audio.ErrNotOwn
	}
	account, name, ok := strings.Cut(u.Path, "/Recordings/")
	id := interpreter.BareID(strings.TrimSuffix(strings.TrimSuffix(name, ".wav"), ".mp3"))
	if !ok || interpreter.BareID(account) != o.e.account.ID {
		return nil, audio.ErrNotOwn
	}
	var rec interpreter.RecordingRecord
	if err = o.e.store.Get(ctx, interpreter.KindRecording, id, &rec); err != nil {
		return nil, &interpreter.Fault{Code: interpreter.CodeRetrieval, Msg: "recording " + id, Err: err}
	}
	blob, err := o.e.blobs.Open(ctx, rec.Blob)
	if err != nil {
		return nil, &interpreter.Fault{Code: interpreter.CodeRetrieval, Msg: "recording " + id, Err: err}
	}
	defer blob.Close()
	return file.Open(blob, file.Hint{Name: "recording " + id})
}
