package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// Status is what a running engine says of itself.
type Status struct {
	Version  string            `json:"version"`
	PID      int               `json:"pid"`
	Started  time.Time         `json:"started"`
	Config   string            `json:"config,omitempty"` // path of the configuration
	Data     string            `json:"data"`
	Calls    int               `json:"calls"`
	Draining bool              `json:"draining"`
	Problem  string            `json:"problem,omitempty"` // what keeps it from taking calls
	Listens  map[string]string `json:"listens"`           // udp, tcp, tls, ws, wss, http to ip:port
	Files    int               `json:"open_files,omitempty"`
	MaxFiles uint64            `json:"max_files,omitempty"`
}

func (a *API) status(ctx *fasthttp.RequestCtx) { httpd.JSON(ctx, http.StatusOK, a.Status()) }

// SelfTest is a number that the engine answers for a while, and the address to call it at.
type SelfTest struct {
	URI     string    `json:"uri"`
	Expires time.Time `json:"expires"`
}

func (a *API) selfTest(ctx *fasthttp.RequestCtx) {
	if !httpd.FromControl(ctx) { // whoever has the token alone must not make us call addresses
		httpd.NotFound(ctx)
		return
	}
	var asked struct {
		CallBack string `json:"call_back"` // ip:port
	}
	if json.Unmarshal(ctx.PostBody(), &asked) != nil {
		httpd.Refuse(ctx, http.StatusBadRequest, 20001, `Send JSON: {"call_back": "127.0.0.1:5070"}`)
		return
	}
	made, err := a.SelfTest(asked.CallBack)
	if err != nil {
		httpd.Refuse(ctx, http.StatusBadRequest, 20001, "call_back: "+err.Error())
		return
	}
	httpd.JSON(ctx, http.StatusCreated, made)
}
