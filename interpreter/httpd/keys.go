package httpd

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"pintle/interpreter"
)

// Environment variables that win over the stored identity.
const (
	EnvAccount = "PINTLE_ACCOUNT_SID"
	EnvToken   = "PINTLE_AUTH_TOKEN"
)

// kindIdentity is the kind of the one record that holds the engine's account.
const kindIdentity = "identity"

// Identity is the account of this engine.
type Identity struct {
	Account interpreter.Account
	New     bool // made by this start: to be shown once
}

type identity struct {
	Account string `json:"account"`
	Token   string `json:"token"`
}

var accountID = regexp.MustCompile(`^(AC)?[0-9a-f]{32}$`)

// LoadIdentity returns the engine's account. The first start makes an id and a token and keeps them; what getenv gives
// for [EnvAccount] and [EnvToken] wins and is not kept.
func LoadIdentity(ctx context.Context, records interpreter.Records, getenv func(string) string) (Identity, error) {
	sid, token := getenv(EnvAccount), getenv(EnvToken)
	if sid != "" && !accountID.MatchString(sid) {
		return Identity{}, fmt.Errorf("%s: %q is not AC and 32 lower-case hexadecimal digits", EnvAccount, sid)
	}
	var kept identity
	made := false
	if sid == "" || token == "" {
		err := records.Get(ctx, kindIdentity, "main", &kept)
		if errors.Is(err, interpreter.ErrNotFound) {
			made = true
			kept = identity{Account: interpreter.NewID(), Token: interpreter.NewID()}
			err = records.Batch(ctx, []interpreter.Write{{Kind: kindIdentity, ID: "main", Value: kept}})
		}
		if err != nil {
			return Identity{}, fmt.Errorf("load the engine's account: %w", err)
		}
	}
	a := interpreter.Account{ID: kept.Account, Token: kept.Token}
	if sid != "" {
		a.ID = interpreter.BareID(sid)
	}
	if token != "" {
		a.Token = token
	}
	return Identity{Account: a, New: made}, nil
}
