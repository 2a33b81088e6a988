package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"pintle/interpreter/account"
	"pintle/interpreter/api"
)

// doctorCmd examines this machine, the configuration and, where it runs, the engine.
type doctorCmd struct {
	asked
	NoCall bool   `help:"Do not place the test call."`
	STUN   string `name:"stun" help:"Ask this STUN server for the public address." placeholder:"HOST:PORT"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (doctorCmd) Help() string {
	return `Examples:
  pintle doctor --config pintle.yaml
  pintle doctor --data /var/lib/pintle --json
  pintle doctor --config pintle.yaml --stun stun.example.net:3478

With an engine that runs the test call goes through that engine, without one through a second one on a free port.
Exit codes: 0 nothing failed, 1 a check failed, 2 usage.`
}

// Levels of a finding.
const (
	levelOK   = "ok"
	levelWarn = "warn"
	levelFail = "fail"
)

// finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	Level  string `json:"level"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do
}

// patient is what is examined, and what was found.
type patient struct {
	cfg    *config      // nil: it is bad
	engine *remote      //
	status *api.Status  // nil: no engine runs, or it does not tell
	mute   bool         // one runs that does not tell
	trunks []trunkFound // of the configuration
	found  []finding
}

func (p *patient) ok(check, format string, a ...any) {
	p.found = append(p.found, finding{Check: check, Level: levelOK, Text: fmt.Sprintf(format, a...)})
}

func (p *patient) warn(check, advice, format string, a ...any) {
	p.found = append(p.found, finding{check, levelWarn, fmt.Sprintf(format, a...), advice})
}

func (p *patient) fail(check, advice, format string, a ...any) {
	p.found = append(p.found, finding{check, levelFail, fmt.Sprintf(format, a...), advice})
}

// Run makes every check and prints what it found.
func (d doctorCmd) Run(ctx context.Context) error {
	p := &patient{}
	if err := d.configure(ctx, p); err != nil {
		return err
	}
	for _, check := range []func(context.Context){p.checkEngine, p.checkPorts, p.checkRange, p.checkAddresses,
		p.checkTLS, p.checkTrunkNames, p.checkNAT, d.checkSTUN(p), p.checkTrunkStates, p.checkPhones, p.checkDisk,
		p.checkClock, p.checkVoices, p.checkFiles} {
		check(ctx)
	}
	if !d.NoCall && p.cfg != nil {
		p.checkCall(ctx)
	}
	failed := 0
	for _, f := range p.found {
		if f.Level == levelFail {
			failed++
		}
	}
	if d.JSON {
		if err := stdout().json(map[string]any{"checks": p.found, "failed": failed}); err != nil {
			return err
		}
	} else {
		stdout().findings(p.found)
	}
	if failed > 0 {
		return exitf(exitFailed, "%s failed", plural(failed, "check"))
	}
	return nil
}

// configure finds the engine and the configuration: that of the running engine, unless another one is named.
func (d doctorCmd) configure(ctx context.Context, p *patient) error {
	file := d.Config
	dir, err := d.folder()
	if err != nil {
		dir = defaultData // the file is bad, which is found below
	}
	p.engine = remoteAt(dir)
	var s api.Status
	err = p.engine.get(ctx, "/v1/status", &s)
	var gone *exitError
	switch {
	case err == nil:
		p.status = &s
		if file == "" {
			file = s.Config
		}
	case errors.Is(err, fs.ErrPermission):
		p.mute = true
		p.warn("engine", "Run the doctor as that user.", "it cannot be asked: %v", err)
	case !errors.As(err, &gone) || gone.code != exitUnreachable:
		p.mute = true
		p.warn("engine", "Ask again in a second.", "it does not say how it is: %v", err)
	}
	c, err := loadConfig(file)
	if err == nil {
		if c.Data == "" || d.Data != "" {
			c.Data = dir
		}
		err = c.complete()
	}
	if err != nil {
		for _, line := range problemsOf(err) {
			p.fail("configuration", "Mend the file; 'pintle serve --check-config' says the same.", "%s", line)
		}
		return nil
	}
	p.cfg = c
	if p.status != nil {
		c.Data, c.SIP.Listen, c.HTTP.Listen = s.Data, s.Listens["udp"], s.Listens["http"]
	}
	p.checkConfig()
	return p.collectTrunks(ctx)
}

func (p *patient) checkConfig() {
	name := p.cfg.file
	if name == "" {
		p.ok("configuration", "none is given, so everything has its default")
		return
	}
	if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o004 != 0 && p.cfg.secret() {
		p.warn("configuration", "Run 'chmod 640 "+name+"'.", "%s holds passwords and everybody may read it", name)
		return
	}
	if p.status == nil && p.cfg.Voice.URL == "" && len(p.cfg.Number) == 0 && !p.cfg.accounts {
		p.warn("configuration", "Add voice, numbers or accounts.", "%s is good, but nothing answers calls", name)
		return
	}
	p.ok("configuration", "%s is good", name)
}

// secret tells whether passwords stand in the configuration.
func (c *config) secret() bool {
	found := c.SIP.Password != "" || c.accounts
	for _, t := range c.Trunks {
		found = found || t.Password != ""
	}
	return found
}

// checkEngine says what runs.
func (p *patient) checkEngine(context.Context) {
	switch s := p.status; {
	case p.mute: // said already
	case s == nil:
		p.ok("engine", "none runs in %s", absolute(p.engine.dir))
	case s.Problem != "":
		p.fail("engine", "Look into its log.", "process %d takes no calls: %s", s.PID, s.Problem)
	case s.Draining:
		p.warn("engine", "Start it again when it has ended.", "process %d is stopping; %s left", s.PID,
			plural(s.Calls, "call"))
	case s.Version != version:
		p.warn("engine", "Restart it to run the installed version.", "process %d is version %s, this is %s", s.PID, s.Version,
			version)
	default:
		p.ok("engine", "process %d, version %s, up for %s, %s", s.PID, s.Version, span(time.Since(s.Started)),
			plural(s.Calls, "call"))
	}
}

// collectTrunks lists the trunks of the configuration and of the accounts.
func (p *patient) collectTrunks(ctx context.Context) error {
	files, err := account.Read(p.cfg.file)
	if err != nil {
		return err
	}
	book, err := account.Open(ctx, nil, files...)
	if err != nil {
		return err
	}
	for _, t := range p.cfg.carriage(book).trunks {
		p.trunks = append(p.trunks, trunkFound{id: t.ID, uri: t.URI})
	}
	return nil
}

// findings prints one line for each.
func (s screen) findings(list []finding) {
	width := 0
	for _, f := range list {
		width = max(width, len(f.Check))
	}
	moods := map[string]mood{levelOK: goodMood, levelWarn: warnMood, levelFail: badMood}
	for _, f := range list {
		text := clean(f.Text)
		if f.Advice != "" {
			text += ". " + f.Advice
		}
		s.line("%s%s%-*s  %s", s.paint(moods[f.Level], f.Level), strings.Repeat(" ", 6-len(f.Level)), width, f.Check, text)
	}
}

// clean takes what would steer a terminal, or break the line, out of a text of any length.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
