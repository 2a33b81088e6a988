package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/interpreter/timeline"
)

// serveCmd answers calls until it is told to stop.
type serveCmd struct {
	Config       string `help:"Configuration file (docs/configuration.md)." placeholder:"FILE"`
	SIP          string `name:"sip" help:"Address for SIP over UDP and TCP (default ${sip})." placeholder:"IP:PORT"`
	HTTP         string `name:"http" help:"Address for recordings, health and metrics (default ${http})." placeholder:"IP:PORT"`
	VoiceURL     string `name:"voice-url" help:"What every call runs; anyone may call." placeholder:"URL-or-FILE"`
	VoiceMethod  string `name:"voice-method" help:"Method of the first request: GET or POST." placeholder:"METHOD"`
	Fallback     string `help:"Asked, or run, when the application fails." placeholder:"URL-or-FILE"`
	Dialect      string `help:"Parameter names of the first request: twiml or kazoo." placeholder:"NAME"`
	Status       string `name:"status-callback" help:"URL that is told of the end of every call." placeholder:"URL"`
	Data         string `help:"Folder of records and recordings (default ${data})." placeholder:"DIR"`
	AllowPrivate bool   `help:"Let documents lead to loopback and private addresses."`
	CheckConfig  bool   `help:"Check the configuration and end."`
	Timeline     bool   `help:"Print what happens on every call, line by line."`
	JSON         bool   `name:"json" help:"With --timeline: one JSON object a line."`
}

// Help shows examples.
func (serveCmd) Help() string {
	return `Examples:
  pintle serve --voice-url http://127.0.0.1:3000/voice --allow-private
  pintle serve --voice-url https://app.example.com/voice --fallback sorry.xml
  pintle serve --config pintle.yaml
  pintle serve --config pintle.yaml --check-config`
}

// configure makes the configuration of the file and the flags.
func (s serveCmd) configure() (*config, error) {
	c, err := loadConfig(s.Config)
	if err != nil {
		return nil, err
	}
	win := func(p *string, v string) {
		if v != "" {
			*p = v
		}
	}
	win(&c.SIP.Listen, s.SIP)
	win(&c.HTTP.Listen, s.HTTP)
	win(&c.Voice.URL, s.VoiceURL)
	win(&c.Voice.Method, s.VoiceMethod)
	win(&c.Voice.Fallback, s.Fallback)
	win(&c.Voice.Dialect, s.Dialect)
	win(&c.Voice.StatusCallback, s.Status)
	win(&c.Data, s.Data)
	c.Fetch.AllowPrivate = c.Fetch.AllowPrivate || s.AllowPrivate
	if err := c.complete(); err != nil {
		return nil, err
	}
	if c.Voice.URL == "" && len(c.Number) == 0 && !c.accounts {
		return nil, exitf(exitUsage, "nothing answers calls: give --voice-url, or voice, numbers or accounts in the "+
			"configuration")
	}
	return c, nil
}

// Run serves until ctx ends, then drains.
func (s serveCmd) Run(ctx context.Context) error {
	cfg, err := s.configure()
	if err != nil {
		return err
	}
	if s.CheckConfig {
		fmt.Println("configuration is good")
		return nil
	}
	log := newLog(cfg.Log)
	var observers []interpreter.Observer
	if s.Timeline {
		p := &timeline.Printer{W: os.Stdout, JSON: s.JSON, Color: isatty.IsTerminal(os.Stdout.Fd()), Calls: true}
		observers = append(observers, p.Observe)
	}
	e, err := openEngine(ctx, cfg, log, observers...)
	if err != nil {
		return err
	}
	defer e.close()
	e.openControl()
	defer e.reloadOnHangup(s.configure)()
	s.ready(e)
	<-ctx.Done()
	log.Info("stopping: new calls are refused, running ones may finish")
	e.drain(ctx, e.live.Load().cfg.Limits.Drain)
	return nil
}

// ready says where the engine listens, and once what the account is.
func (s serveCmd) ready(e *engine) {
	if e.fresh {
		fmt.Printf("account     %s\nauth token  %s   (shown once; kept in %s)\n",
			interpreter.SID("AC", e.account.ID), e.account.Token, e.cfg.Data)
	}
	voice := e.cfg.Voice.URL
	if voice == "" {
		voice = fmt.Sprintf("%d numbers of %s", len(e.cfg.Number), e.cfg.file)
	}
	fmt.Printf("sip         %s (UDP and TCP)\nhttp        http://%s\nanswers     %s\n", e.edge.Addr(), e.cfg.HTTP.Listen,
		voice)
	for _, network := range []string{"TLS", "WS", "WSS"} {
		if address := e.edge.AddrOf(network); address != "" {
			fmt.Printf("%-11s %s\n", "sip/"+strings.ToLower(network), address)
		}
	}
}

// newLog makes the log of a process: text on a terminal, else JSON, unless the configuration says which.
func newLog(c logConfig) *logrus.Entry {
	l := logrus.New()
	l.SetOutput(os.Stderr)
	if level, err := logrus.ParseLevel(c.Level); err == nil {
		l.SetLevel(level)
	}
	json := c.Format == "json" || (c.Format == "" && !isatty.IsTerminal(os.Stderr.Fd()))
	if json && !strings.EqualFold(c.Format, "text") {
		l.SetFormatter(&logrus.JSONFormatter{})
	} else {
		l.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	}
	return logrus.NewEntry(l)
}
