package sipedge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

const (
	congestion = 1300 // RFC 3261 §18.1.1: larger requests belong on a stream where the peer has one
)

// flow is the way to a peer: its transport and its address.
type flow struct {
	network string // "UDP" or "TCP"
	remote  string // ip:port
}

func (f flow) stream() bool { return f.network != "" && f.network != "UDP" }

// token makes n random octets as hex digits: tags, branches and Call-IDs that nobody guesses.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// branch makes a transaction id that says who we are and how often the call has come through this engine.
func (e *Edge) branch(hops int) string {
	return magicCookie + e.instance + "." + strconv.Itoa(hops) + "." + token(8)
}

// hopsOf reads from the Via headers of a request how often the call has come through this engine already.
func (e *Edge) hopsOf(req *sip.Request) int {
	most := 0
	for _, h := range req.GetHeaders("via") {
		v, ok := h.(*sip.ViaHeader)
		if !ok {
			continue
		}
		b, _ := v.Params.Get("branch")
		if rest, ours := strings.CutPrefix(b, magicCookie+e.instance+"."); ours {
			text, _, _ := strings.Cut(rest, ".")
			if n, ok := digits(text, 1000); ok {
				most = max(most, int(n)+1)
			}
		}
	}
	return most
}

// address completes a request for the wire: Via with a fresh branch, transport, destination and our one stable source
// port.
func (e *Edge) address(req *sip.Request, f flow, hops int) {
	req.RemoveHeader("Via")
	params := sip.NewParams()
	params.Add("branch", e.branch(hops))
	params.Add("rport", "")
	req.PrependHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.network, Host: e.host,
		Port: e.portOf(f.network), Params: params})
	if f.network == "UDP" && len(req.String()) > congestion && (e.hasStream(f.remote) || e.offersTCP(f.remote)) {
		f.network = "TCP"
		req.Via().Transport = "TCP"
	}
	req.SetTransport(f.network)
	req.SetDestination(f.remote)
	req.Laddr = sip.Addr{}
	if f.network == "UDP" {
		req.Laddr = sip.Addr{IP: net.IP(e.local.Addr().AsSlice()), Port: int(e.local.Port())}
	}
}

// hasStream reports whether a connection to that address is open: the only proof we take that a peer speaks TCP there.
func (e *Edge) hasStream(remote string) bool {
	return e.hasFlow(flow{"TCP", remote})
}

// hasFlow reports whether the connection of a stream flow is open.
func (e *Edge) hasFlow(f flow) bool {
	pool := e.transport.Pool(f.network)
	if pool == nil {
		return false
	}
	c := pool.Get(f.remote)
	if c == nil {
		return false
	}
	_, _ = c.TryClose() // gives back the reference that Get took
	return true
}

// connect opens the connection that a stream request needs, unless there is one. name is whom the request is for: the
// certificate of a TLS peer must say so.
func (e *Edge) connect(ctx context.Context, f flow, name string) error {
	if !f.stream() || e.hasFlow(f) {
		return nil
	}
	err := errFlowGone
	switch f.network {
	case "TCP":
		err = e.streams.dial(ctx, f.remote, nil)
	case "TLS":
		err = e.dialTLS(ctx, f.remote, name)
	}
	if err != nil {
		return fmt.Errorf("connect to %s: %w", f.remote, err)
	}
	return nil
}

// start sends a request as a new client transaction.
func (e *Edge) start(ctx context.Context, req *sip.Request) (*sip.ClientTx, error) {
	if err := e.connect(ctx, flow{req.Transport(), req.Destination()}, serverName(req)); err != nil {
		return nil, err
	}
	return e.transactions.Request(ctx, req)
}

// roundTrip sends a request other than INVITE and waits for its final response.
func (e *Edge) roundTrip(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	tx, err := e.start(ctx, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("%s: %w", req.Method, tx.Err())
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// write sends a request that has no transaction: the ACK of a 2xx.
func (e *Edge) write(ctx context.Context, req *sip.Request) error {
	if err := e.connect(ctx, flow{req.Transport(), req.Destination()}, serverName(req)); err != nil {
		return err
	}
	return e.transport.WriteMsg(req)
}

// contact is where peers reach us for the rest of a dialog.
func (e *Edge) contact(network string) *sip.ContactHeader {
	u := sip.Uri{Scheme: "sip", Host: e.host, Port: e.portOf(network)}
	if network != "" && network != "UDP" {
		u.UriParams = sip.NewParams()
		u.UriParams.Add("transport", strings.ToLower(network))
	}
	return &sip.ContactHeader{Address: u}
}

// common adds the headers that every request and final reply of ours carries.
func (e *Edge) common(m sip.Message) {
	m.AppendHeader(sip.NewHeader("Allow", allowedMethods))
	if announces(m) {
		m.AppendHeader(sip.NewHeader("Supported", supportedTags))
	}
	if _, ok := m.(*sip.Request); ok {
		m.AppendHeader(sip.NewHeader("User-Agent", e.agent))
		return
	}
	m.AppendHeader(sip.NewHeader("Server", e.agent))
}

// reply makes a response. The To tag is there already: the arrival hook has set it.
func (e *Edge) reply(req *sip.Request, code int, reason string, extra ...sip.Header) *sip.Response {
	if reason == "" {
		reason = phrase(code)
	}
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	if from := res.From(); from != nil {
		// The empty tag that stood for an RFC 2543 peer without one goes no further.
		if t, ok := from.Params.Get("tag"); ok && t == "" {
			from.Params.Remove("tag")
		}
	}
	if code >= 200 {
		e.common(res)
	}
	for _, h := range extra {
		res.AppendHeader(h)
	}
	return res
}

// retryAfter asks a peer to come again in 2 to 10 s, not all of them at once.
func retryAfter() sip.Header {
	return sip.NewHeader("Retry-After", itoa(2+mrand.IntN(9)))
}

// respond answers and ends the transaction where it may end. Errors are of the network: the peer will ask again or give
// up.
func (e *Edge) respond(tx *sip.ServerTx, res *sip.Response) {
	sayWhy(res)
	if err := tx.Respond(res); err != nil {
		e.log.WithError(err).Debug("response not sent")
	}
	if res.StatusCode >= 300 || res.StatusCode >= 200 && res.CSeq().MethodName != sip.INVITE {
		e.release(tx)
	}
}

// release lets go of a transaction whose final response is sent. A non-2xx to INVITE stays until its ACK, on any
// transport.
func (e *Edge) release(tx *sip.ServerTx) {
	if tx.Origin().IsInvite() {
		return
	}
	tx.TerminateGracefully()
}
