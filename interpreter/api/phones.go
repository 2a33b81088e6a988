package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"pintle/interpreter/httpd"
)

// Phone is one contact of a registered phone, or one page that is a browser phone.
type Phone struct {
	User      string     `json:"user"` // user@realm; of a page the client's name
	Account   string     `json:"account,omitempty"`
	Device    string     `json:"device,omitempty"`
	Contact   string     `json:"contact,omitempty"`
	Address   string     `json:"address,omitempty"` // ip:port that it registered from
	Transport string     `json:"transport"`         // udp, tcp, tls, ws, wss
	UserAgent string     `json:"user_agent,omitempty"`
	State     string     `json:"state"` // ok, silent
	NAT       bool       `json:"nat"`
	Since     *time.Time `json:"since,omitempty"`
	Refreshed *time.Time `json:"refreshed,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Silent    *time.Time `json:"silent_since,omitempty"`
	RTT       float64    `json:"rtt_seconds,omitempty"` // of its last sign of life
}

// Moment is t as the fields of this package hold it.
func Moment(t time.Time) *time.Time { return moment(t) }

// PhoneList is the answer to GET /v1/phones.
type PhoneList struct {
	Phones []Phone `json:"phones"`
	Total  int     `json:"total"`
	Next   string  `json:"next,omitempty"` // path of the next page
}

func (a *API) phones(ctx *fasthttp.RequestCtx) {
	all := a.Phones()
	from, to, next, ok := pageOf(ctx, len(all))
	if !ok {
		return
	}
	list := PhoneList{Phones: append([]Phone{}, all[from:to]...), Total: len(all)}
	if next >= 0 {
		list.Next = "/v1/phones?page=" + strconv.Itoa(next) + "&page_size=" + strconv.Itoa(to-from)
	}
	httpd.JSON(ctx, http.StatusOK, list)
}
