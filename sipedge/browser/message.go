package browser

import (
	"encoding/json"
	"errors"
	"fmt"
)

// message is what goes over the WebSocket, both ways; docs/browser.md says which fields each type has.
type message struct {
	Type     string            `json:"type"`
	Call     string            `json:"call,omitempty"`     // the page's name of a call it makes, ours of one that rings
	SDP      string            `json:"sdp,omitempty"`      //
	Token    string            `json:"token,omitempty"`    //
	Resume   string            `json:"resume,omitempty"`   // secret by which a page that lost its connection comes back
	Identity string            `json:"identity,omitempty"` //
	To       string            `json:"to,omitempty"`       //
	From     string            `json:"from,omitempty"`     //
	Display  string            `json:"display,omitempty"`  //
	Digits   string            `json:"digits,omitempty"`   //
	Code     int               `json:"code,omitempty"`     // SIP code that stands for the end or the error
	By       string            `json:"by,omitempty"`       // who ended a call: caller (the page), flow, rest, engine
	Reason   string            `json:"reason,omitempty"`   // one sentence
	Params   map[string]string `json:"params,omitempty"`   //
	Held     bool              `json:"held,omitempty"`     //
	Calls    []string          `json:"calls,omitempty"`    // those that a resumed page still has
}

// The types of messages.
const (
	typeHello    = "hello"    // page: token, resume
	typeWelcome  = "welcome"  // engine: identity, resume, calls
	typeError    = "error"    // engine: code, reason, call
	typeCall     = "call"     // page: call, to, sdp, params
	typeMedia    = "media"    // engine: call, sdp
	typeRinging  = "ringing"  // engine: call
	typeAnswered = "answered" // engine: call
	typeIncoming = "incoming" // engine: call, from, display, params
	typeAccept   = "accept"   // page: call, sdp
	typeReject   = "reject"   // page: call, reason busy or declined
	typeHangup   = "hangup"   // page: call
	typeDigits   = "digits"   // page: call, digits
	typeEnded    = "ended"    // engine: call, code, by, reason
	typeHold     = "hold"     // engine: call, held or not
	typePing     = "ping"     // page
	typePong     = "pong"     // engine
)

// Bounds of messages.
const (
	MaxMessage = 32 << 10 // octets of one message, either way
	maxParams  = 50
	maxParam   = 1024
	maxName    = 64
	maxTarget  = 256
	maxDigits  = 64
)

var errMessage = errors.New("not a message of this protocol")

// parse reads a message of a page and checks its bounds.
func parse(b []byte) (message, error) {
	var m message
	if len(b) > MaxMessage {
		return m, fmt.Errorf("%w: larger than %d octets", errMessage, MaxMessage)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: it is not JSON with the fields of docs/browser.md", errMessage)
	}
	switch {
	case m.Type == "":
		return m, fmt.Errorf("%w: no type", errMessage)
	case len(m.Call) > maxName || len(m.To) > maxTarget || len(m.Digits) > maxDigits || len(m.Token) > maxToken ||
		len(m.Resume) > maxName || len(m.SDP) > maxDescription:
		return m, fmt.Errorf("%w: a field is too long", errMessage)
	case len(m.Params) > maxParams:
		return m, fmt.Errorf("%w: more than %d parameters", errMessage, maxParams)
	}
	for k, v := range m.Params {
		if len(k) > maxName || len(v) > maxParam || k == "" {
			return m, fmt.Errorf("%w: a parameter is empty or too long", errMessage)
		}
	}
	return m, nil
}
