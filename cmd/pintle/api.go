package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"pintle/interpreter/api"
	"pintle/interpreter/httpd"
	"pintle/sipedge"
)

// registerAPI adds the native API to the HTTP server.
func (e *engine) registerAPI(auth *httpd.Auth) {
	started := time.Now()
	a := &api.API{Auth: auth, Status: func() api.Status { return e.status(started) }, Phones: e.phoneList,
		Trunks: func() []api.Trunk { return trunkList(e.edge.Trunks()) },
		Reload: e.reload, SelfTest: e.selfTest,
		Ready: func() bool { return e.running.Load() != nil }}
	a.Register(e.http)
}

// openControl opens the control socket in the data directory. Calls go on without one, so a failure is told alone.
func (e *engine) openControl() {
	c, err := e.http.OpenControl(filepath.Join(e.cfg.Data, httpd.ControlName))
	if err != nil {
		e.log.WithError(err).Warn("the commands phones, trunks and reload cannot reach this engine; SIGHUP and HTTP can")
		return
	}
	e.onClose(func() { e.report("close the control socket", c.Close()) })
}

// status is what this engine says of itself.
func (e *engine) status(started time.Time) api.Status {
	h := e.health()
	s := api.Status{Version: version, PID: os.Getpid(), Started: started.UTC().Truncate(time.Second), Config: e.cfg.file,
		Data: absolute(e.cfg.Data), Calls: h.Calls, Draining: h.Draining,
		Listens: map[string]string{"udp": e.edge.Addr().String(), "tcp": e.edge.Addr().String(), "http": e.http.Addr()}}
	if s.Config != "" {
		s.Config = absolute(s.Config)
	}
	if h.Problem != nil {
		s.Problem = h.Problem.Error()
	}
	for _, network := range []string{"TLS", "WS", "WSS"} {
		if address := e.edge.AddrOf(network); address != "" {
			s.Listens[strings.ToLower(network)] = address
		}
	}
	s.Files, s.MaxFiles = openFiles()
	return s
}

// absolute is a path that means the same in every working directory, where that can be told.
func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

// phoneList are the registered phones, and the pages behind them.
func (e *engine) phoneList() []api.Phone {
	var list []api.Phone
	for _, b := range e.edge.Bindings() {
		list = append(list, phoneRow(b))
	}
	if f := e.phones.Load(); f != nil {
		names, pages := f.Clients()
		for _, name := range names {
			for range pages[name] {
				list = append(list, api.Phone{User: "client:" + name, Transport: "page", State: "ok"})
			}
		}
	}
	return list
}

func phoneRow(b sipedge.Binding) api.Phone {
	p := api.Phone{User: b.AOR, Account: b.Account, Device: b.Device, Contact: b.Contact, Address: b.Source,
		Transport: strings.ToLower(b.Transport), UserAgent: b.UserAgent, State: "ok", NAT: b.NAT, RTT: b.RTT,
		Since: api.Moment(b.Since), Refreshed: api.Moment(b.Refreshed), Expires: api.Moment(b.Expires)}
	if b.Silent != nil {
		p.State, p.Silent = "silent", api.Moment(*b.Silent)
	}
	return p
}

func trunkList(states []sipedge.TrunkState) []api.Trunk {
	var list []api.Trunk
	for _, s := range states {
		t := api.Trunk{ID: s.ID, Name: s.Name, URI: s.URI, Registers: s.Registers, Registered: s.Registered,
			Error: s.Error, In: s.In, Out: s.Out, Addresses: []api.TrunkAddress{}}
		if s.Registered {
			t.Until = api.Moment(s.Until)
		}
		if s.Error != "" {
			t.ErrorAt = api.Moment(s.ErrorAt)
		}
		for _, h := range s.Hops {
			a := api.TrunkAddress{Transport: strings.ToLower(h.Network), Address: h.Address, Alive: h.Alive,
				Quarantined: h.Quarantined, Reason: h.Reason, RTT: h.RTT.Seconds()}
			if h.Quarantined {
				a.Since = api.Moment(h.Since)
			}
			t.Addresses = append(t.Addresses, a)
		}
		t.Judge()
		list = append(list, t)
	}
	return list
}
