package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// phoneTokenCmd makes a token with which a page logs in as a browser phone.
type phoneTokenCmd struct {
	asked
	Name string        `arg:"" help:"Name of the client: calls reach it as client:NAME."`
	TTL  time.Duration `name:"ttl" default:"1h" help:"How long it may be used to log in, at most 24h."`
	JSON bool          `name:"json" help:"Print JSON, with the end of its life."`
}

// Help shows examples.
func (phoneTokenCmd) Help() string {
	return `Examples:
  pintle phone-token ann
  pintle phone-token ann --ttl 8h --data /var/lib/pintle

Enter the token on the page /phone under "Log in with a token", or give it to a page of your own (docs/browser.md).

Exit codes: 0 printed, 1 refused, 2 usage, 3 no engine answers.`
}

// Run asks the engine and prints the token alone, so that a script may take it.
func (p phoneTokenCmd) Run(ctx context.Context) error {
	if p.TTL < time.Second || p.TTL > 24*time.Hour {
		return exitf(exitUsage, "--ttl %v: give 1s to 24h", p.TTL)
	}
	r, err := p.remote()
	if err != nil {
		return err
	}
	a, err := r.ask(ctx, http.MethodPost, "/v1/phone/tokens",
		map[string]any{"identity": p.Name, "ttl": int(p.TTL / time.Second)})
	if err != nil {
		return err
	}
	var said struct {
		Token   string `json:"token"`
		Message string `json:"message"`
	}
	if err = json.Unmarshal(a.body, &said); err != nil || a.status != http.StatusCreated {
		return exitf(exitFailed, "no token for %q: %d %s", p.Name, a.status, said.Message)
	}
	if p.JSON {
		_, err = fmt.Fprintf(os.Stdout, "%s\n", a.body)
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, said.Token)
	return err
}
