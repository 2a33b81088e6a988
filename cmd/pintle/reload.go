package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"pintle/interpreter/account"
	"pintle/interpreter/api"
	"pintle/sipedge"
)

// reloadCmd lets a running engine read its configuration again.
type reloadCmd struct {
	asked
	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (reloadCmd) Help() string {
	return `Examples:
  pintle serve --config pintle.yaml --check-config && pintle reload --config pintle.yaml
  pintle reload --data /var/lib/pintle

Exit codes: 0 read again, 2 the configuration is bad and the one before goes on, 3 no engine answers.`
}

// Run asks the engine and prints what became of it.
func (r reloadCmd) Run(ctx context.Context) error {
	engine, err := r.remote()
	if err != nil {
		return err
	}
	a, err := engine.ask(ctx, http.MethodPost, "/v1/reload", nil)
	if err != nil {
		return err
	}
	if r.JSON {
		var raw json.RawMessage = a.body
		if err := stdout().json(raw); err != nil {
			return err
		}
	}
	switch a.status {
	case http.StatusOK:
	case http.StatusUnprocessableEntity:
		var bad struct {
			Errors []string `json:"errors"`
		}
		if err := json.Unmarshal(a.body, &bad); err != nil {
			return err
		}
		return exitf(exitUsage, "nothing was changed, the engine goes on with the configuration that it has:\n%s",
			strings.Join(bad.Errors, "\n"))
	default:
		return a.refusal()
	}
	var done api.Reloaded
	if err := json.Unmarshal(a.body, &done); err != nil || r.JSON {
		return err
	}
	stdout().reloaded(done)
	return nil
}

func (s screen) reloaded(done api.Reloaded) {
	if len(done.Changed) == 0 {
		s.line("configuration read again: nothing to change")
	} else {
		s.line("configuration read again, in force now: %s", strings.Join(done.Changed, ", "))
	}
	if len(done.Restart) > 0 {
		s.line("%s", s.paint(warnMood, "needs a restart: "+strings.Join(done.Restart, ", ")))
	}
}

// reloadOnHangup lets configure be asked again from now on: by the API, and at each SIGHUP until the function that it
// returns is called, which waits.
func (e *engine) reloadOnHangup(configure func() (*config, error)) (stop func()) {
	e.reloads.Lock()
	e.configure = configure
	e.reloads.Unlock()
	hangups, over, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-hangups:
				_, _ = e.reload() //nolint:errcheck // the log has it
			case <-over:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(over)
		<-done
	}
}

// reload reads the configuration again and puts in force what may change while calls run. When anything is wrong with
// it everything stays as it is, and the error is of type api.Problems.
func (e *engine) reload() (api.Reloaded, error) {
	e.reloads.Lock()
	defer e.reloads.Unlock()
	done, err := e.reloadNow()
	if err != nil {
		e.log.WithError(err).Error("the configuration is bad; the one before goes on")
		return done, err
	}
	e.log.WithFields(logrus.Fields{"changed": strings.Join(done.Changed, ", "),
		"restart": strings.Join(done.Restart, ", ")}).Info("configuration read again")
	return done, nil
}

func (e *engine) reloadNow() (api.Reloaded, error) {
	if e.configure == nil {
		return api.Reloaded{}, errors.New("this engine has no configuration that could be read again")
	}
	cfg, err := e.configure()
	if err != nil {
		return api.Reloaded{}, problemsOf(err)
	}
	next, err := newSettings(cfg, e.router)
	if err != nil {
		return api.Reloaded{}, problemsOf(err)
	}
	files, err := account.Read(cfg.file)
	if err != nil {
		return api.Reloaded{}, problemsOf(err)
	}
	done := e.difference(cfg, files)
	if err := e.book.Reload(files...); err != nil {
		return api.Reloaded{}, problemsOf(fmt.Errorf("accounts:\n%w", err))
	}
	last := e.live.Swap(next)
	if err := e.applyAccounts(); err != nil {
		e.live.Store(last)
		return api.Reloaded{}, problemsOf(errors.Join(err, e.book.Reload(e.accounts...)))
	}
	e.accounts = files
	e.tellDropped()
	e.manager.SetCalls(cfg.Limits.Calls)
	e.edge.Adjust(sipedge.Adjustable{Peers: cfg.peers(), NewCalls: cfg.Limits.NewCalls,
		TotalCalls: cfg.Limits.TotalNewCalls})
	if level, err := logrus.ParseLevel(cfg.Log.Level); err == nil {
		e.log.Logger.SetLevel(level)
	}
	if e.pem != nil && cfg.TLS.Cert != "" {
		if err := e.pem.ReloadFrom(cfg.TLS.Cert, cfg.TLS.Key); err != nil { // it was good a moment ago
			return done, problemsOf(err)
		}
	}
	return done, nil
}

// problemsOf makes one problem of each line of an error.
func problemsOf(err error) api.Problems {
	var list api.Problems
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}
