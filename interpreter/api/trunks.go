package api

import (
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// Words for the state of a trunk.
const (
	TrunkUp           = "up"             // an address answers, and it is registered if it should be
	TrunkDown         = "down"           // no address answers
	TrunkUnregistered = "not registered" // it should be registered, and is not
	TrunkUnknown      = "unknown"        // nothing was heard of it yet
)

// Trunk is one trunk and how it is.
type Trunk struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	URI        string         `json:"uri"`
	State      string         `json:"state"`
	Registers  bool           `json:"registers"`
	Registered bool           `json:"registered"`
	Until      *time.Time     `json:"registered_until,omitempty"`
	Error      string         `json:"error,omitempty"` // of the last registration or probe that failed
	ErrorAt    *time.Time     `json:"error_at,omitempty"`
	In         int            `json:"inbound_calls"`
	Out        int            `json:"outbound_calls"`
	Addresses  []TrunkAddress `json:"addresses"`
}

// TrunkAddress is one address of a trunk.
type TrunkAddress struct {
	Transport   string     `json:"transport"`
	Address     string     `json:"address"`
	Alive       bool       `json:"alive"`       // it has answered since it last failed
	Quarantined bool       `json:"quarantined"` // it gets no calls until it answers
	Since       *time.Time `json:"quarantined_since,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	RTT         float64    `json:"rtt_seconds,omitempty"`
}

// Judge sets the state by what else is known.
func (t *Trunk) Judge() {
	alive, dead := false, len(t.Addresses) > 0
	for _, a := range t.Addresses {
		alive, dead = alive || a.Alive, dead && a.Quarantined
	}
	switch {
	case dead:
		t.State = TrunkDown
	case t.Registers && !t.Registered:
		t.State = TrunkUnregistered
	case alive || t.Registered:
		t.State = TrunkUp
	default:
		t.State = TrunkUnknown
	}
}

// TrunkList is the answer to GET /v1/trunks.
type TrunkList struct {
	Trunks []Trunk `json:"trunks"`
}

func (a *API) trunks(ctx *fasthttp.RequestCtx) {
	httpd.JSON(ctx, http.StatusOK, TrunkList{Trunks: append([]Trunk{}, a.Trunks()...)})
}
