package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"pintle/interpreter/httpd"
	"pintle/interpreter/inspect"
	"pintle/sipedge/audio"
	"pintle/sipedge/browser"
)

// registerPhone adds the browser phone to the HTTP server. Pages that come before calls are taken are sent away.
func (e *engine) registerPhone(auth *httpd.Auth) {
	if e.cfg.noBrowsers {
		return
	}
	e.tokens = browser.NewTokens(e.account.Token)
	listen, err := netip.ParseAddrPort(e.cfg.HTTP.Listen)
	p := &inspect.Phone{Auth: auth, Issue: e.tokens.Issue, Origins: e.cfg.HTTP.PhoneOrigins,
		Local: err == nil && listen.Addr().IsLoopback() && e.cfg.HTTP.PublicURL == "",
		Serve: func(ctx context.Context, s inspect.Socket, source netip.Addr) {
			if f := e.phones.Load(); f != nil && e.running.Load() != nil {
				f.Serve(ctx, s, source)
			}
		}}
	p.Register(e.http)
}

// openBrowsers takes the port of browsers' media.
func (e *engine) openBrowsers(sounds *audio.Sounds, c calls) error {
	if e.cfg.noBrowsers {
		return nil
	}
	listen, err := netip.ParseAddrPort(e.cfg.SIP.Listen)
	if err != nil {
		return fmt.Errorf("sip.listen: %w", err)
	}
	cfg := browser.Config{Listen: netip.AddrPortFrom(listen.Addr(), uint16(e.cfg.RTP.BrowserPort)), Pacers: e.pacers,
		Sounds: sounds, Sessions: e.cfg.Limits.Calls}
	if a, unset := netip.ParseAddr(e.cfg.SIP.Advertise); unset == nil {
		cfg.Advertise = a.Unmap()
	}
	if e.browsers, err = browser.Open(cfg); err != nil {
		return err
	}
	e.onClose(func() { e.report("close the media of browsers", e.browsers.Close()) })
	f := browser.NewPhones(browser.PhonesConfig{Media: e.browsers, Calls: c, Tokens: e.tokens, Log: e.log,
		Device: phoneBook{e.book}.ofPage})
	e.phones.Store(f)
	e.onClose(func() { e.report("close the browser phones", f.Close()) })
	return nil
}

// isClient tells whether a target is a client's name.
func isClient(uri string) bool { return strings.HasPrefix(uri, "client:") }

// pages and browserSessions are what the metrics say of browsers.
func (e *engine) pages() float64 {
	if f := e.phones.Load(); f != nil {
		return float64(f.Count())
	}
	return 0
}

func (e *engine) browserSessions() float64 {
	if e.cfg.noBrowsers {
		return 0
	}
	return float64(e.browsers.Sessions())
}
