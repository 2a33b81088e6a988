package sipedge

import (
	"context"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/sipedge/registrar"
)

const (
	maxAsking = 512             // questions that wait for an answer at one time
	askTime   = 4 * time.Second // for one question: three datagrams
)

// ask sends OPTIONS to a phone behind NAT, so that the way to it stays open, and notes whether it lives. When too many
// questions are open the phone is left out this time.
func (p *phones) ask(b registrar.Binding) {
	select {
	case p.asking <- struct{}{}:
	default:
		return
	}
	if !p.edge.spawn(func() {
		defer func() { <-p.asking }()
		ctx, cancel := context.WithTimeout(p.edge.work, askTime)
		defer cancel()
		began := time.Now()
		w, err := p.wayTo(ctx, &b, "")
		if err == nil {
			_, err = p.edge.roundTrip(ctx, p.options(&w))
		}
		if p.edge.work.Err() != nil {
			return
		}
		if p.table.Alive(b, time.Since(began), err == nil) {
			p.tell(Silent, b, "no answer to three questions; it stays registered until it expires")
		}
	}) {
		<-p.asking
	}
}

// options is an OPTIONS outside any dialog (RFC 3261 §11.1).
func (p *phones) options(w *way) *sip.Request {
	e := p.edge
	req := sip.NewRequest(sip.OPTIONS, w.uri)
	from := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: "pintle", Host: e.host}, Params: sip.NewParams()}
	from.Params.Add("tag", token(8))
	hops := sip.MaxForwardsHeader(70)
	id := sip.CallIDHeader(token(16) + "@" + e.host)
	req.AppendHeader(&hops)
	req.AppendHeader(from)
	req.AppendHeader(&sip.ToHeader{Address: w.to, Params: sip.NewParams()})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS})
	req.AppendHeader(e.contact(w.hop.network))
	e.common(req)
	req.SetBody(nil)
	e.address(req, w.hop, 0)
	return req
}
