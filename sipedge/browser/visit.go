package browser

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"pintle/interpreter"
)

// visit is one connection of a page.
type visit struct {
	phones *Phones
	page   *page
	source netip.Addr
	pace   pace
}

// take acts on one message. bye is true when the page leaves for good.
func (v *visit) take(m message) (bye bool) {
	p := v.page
	switch m.Type {
	case typePing:
		p.send(message{Type: typePong})
	case typeCall:
		v.phones.wg.Go(func() { v.call(m) })
	case typeAccept, typeReject:
		if r := p.ringing(m.Call); r != nil {
			r.reply(p, m)
		} else if m.Type == typeAccept {
			p.send(message{Type: typeEnded, Call: m.Call, Code: 487, By: string(interpreter.ByEngine),
				Reason: "the call is over already"})
		}
	case typeHangup:
		if l := p.leg(m.Call); l != nil {
			l.hungUp("the page hung up")
		}
	case typeDigits:
		if l := p.leg(m.Call); l != nil {
			if err := l.press(m.Digits); err != nil {
				p.send(message{Type: typeError, Call: m.Call, Code: 400, Reason: err.Error()})
			}
		}
	case "bye":
		return true
	default:
		p.send(message{Type: typeError, Call: m.Call, Code: 400, Reason: fmt.Sprintf("type %.20q is not known", m.Type)})
	}
	return false
}

// call takes a call that the page makes.
func (v *visit) call(m message) {
	f, p := v.phones, v.page
	refused := func(code int, reason string) {
		p.send(message{Type: typeEnded, Call: m.Call, Code: code, By: string(interpreter.ByEngine), Reason: reason})
	}
	to := strings.TrimSpace(m.To)
	if m.Call == "" || m.SDP == "" || !goodIdentity(to) && to != "" {
		refused(400, "a call needs call, to and sdp")
		return
	}
	info := interpreter.LegInfo{ID: interpreter.NewID(), CallID: secret() + "@browser", Direction: interpreter.Inbound,
		From: clientAddress(p.identity), To: interpreter.Address{User: to}, Request: interpreter.Address{User: to},
		SourceIP: v.source.String(), Headers: headersOf(m.Params), Started: time.Now()}
	if f.cfg.Device != nil {
		info.Device, info.Account = f.cfg.Device(p.identity)
	}
	start, err := f.cfg.Calls.Route(info)
	if err != nil {
		code, reason := refusal(err)
		refused(code, reason)
		return
	}
	l, err := f.newLeg(p, m.Call, info)
	if err != nil {
		refused(503, err.Error())
		return
	}
	if err = l.describe(f.work, m.SDP); err != nil {
		l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 488, Cause: interpreter.CauseOf(488),
			Reason: err.Error()})
		return
	}
	if err = l.Ring(f.work); err == nil {
		err = f.cfg.Calls.Start(l, start)
	}
	if err != nil {
		code, reason := refusal(err)
		l.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: code, Cause: interpreter.CauseOf(code), Reason: reason})
	}
}

// describe answers the page's offer.
func (l *Leg) describe(ctx context.Context, offer string) error {
	answer, err := l.peer.answer(ctx, offer)
	if err != nil {
		return err
	}
	l.page.send(message{Type: typeMedia, Call: l.name, SDP: answer})
	return nil
}

func refusal(err error) (code int, reason string) {
	switch {
	case errors.Is(err, interpreter.ErrNotFound):
		return 404, "nothing answers that number"
	case errors.Is(err, interpreter.ErrOverload):
		return 503, "the engine has no room for the call; try again"
	}
	return 500, "the call could not be started"
}

// clientAddress is a client as an end of a call.
func clientAddress(identity string) interpreter.Address {
	return interpreter.Address{User: scheme + identity, URI: scheme + identity}
}

// headersOf makes custom headers of parameters, so that applications see them as they see those of SIP calls.
func headersOf(params map[string]string) []interpreter.Header {
	var list []interpreter.Header
	for k, v := range params {
		if !strings.HasPrefix(strings.ToLower(k), "x-") {
			k = "X-" + k
		}
		list = append(list, interpreter.Header{Name: k, Value: strings.ToValidUTF8(v, "�")})
	}
	return list
}

// paramsOf is the opposite.
func paramsOf(list []interpreter.Header) map[string]string {
	if len(list) == 0 {
		return nil
	}
	params := map[string]string{}
	for _, h := range list {
		name := h.Name
		if len(name) > 2 && strings.EqualFold(name[:2], "x-") {
			name = name[2:]
		}
		params[name] = h.Value
	}
	return params
}
