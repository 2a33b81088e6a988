package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// hopPatience is how many T1 (5 s) an address may be silent while another one of the same target waits to be tried. RFC
// 3263 §4.3 would wait for the end of the transaction, and by then the caller has gone.
const hopPatience = 10

var (
	errTrunkUnknown = errors.New("no such trunk is configured")
	errTrunkFull    = errors.New("all channels of the trunk are in use")
	errTrunkDead    = errors.New("no address of the trunk answers")
	errSign         = errors.New("no sign of ringing in time")
)

// carrier finds the trunk of a target: the one it names, or the default one for a plain number; nil for a SIP URI that
// names none.
func (e *Edge) carrier(to interpreter.Target) (*trunk, error) {
	if to.Trunk != "" {
		if t := e.trunkByID(to.Trunk); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("trunk %.40q: %w", shorten(to.Trunk), errTrunkUnknown)
	}
	if namesHost(to.URI) {
		return nil, nil
	}
	if t := e.trunkByID(DefaultTrunk); t != nil {
		return t, nil
	}
	return nil, errNoGateway
}

// namesHost tells a SIP URI from a plain number.
func namesHost(target string) bool {
	lower := strings.ToLower(strings.TrimSpace(target))
	return strings.HasPrefix(lower, "sip:") || strings.HasPrefix(lower, "sips:") || strings.Contains(lower, "@")
}

// through makes the Request-URI of a number that a trunk carries.
func (t *trunk) through(number string) (sip.Uri, error) {
	text := strings.TrimSpace(number)
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		text = text[4:]
	}
	user, err := userPart("number", text)
	if err != nil {
		return sip.Uri{}, err
	}
	if user == "" {
		return sip.Uri{}, refuse("number", "empty")
	}
	u := *t.uri.Clone()
	u.User = user
	return u, nil
}

// passage finds the hops of a target, best first. Those of a trunk that are in quarantine are left out; when all are,
// it fails at once, and the caller may try another trunk.
func (e *Edge) passage(ctx context.Context, t *trunk, u *sip.Uri) ([]flow, error) {
	if t == nil {
		return e.hopsTo(ctx, u)
	}
	if u.Host != t.uri.Host || u.Port != t.uri.Port {
		return e.hopsTo(ctx, u) // a target of its own that the trunk only lends its name to
	}
	hops, err := t.locate(ctx)
	if err != nil {
		return nil, err
	}
	if hops = t.healthy(hops); len(hops) == 0 {
		return nil, fmt.Errorf("trunk %s: %w", t.cfg.ID, errTrunkDead)
	}
	return hops, nil
}

// present applies the trunk's rules to the caller id.
func (t *trunk) present(p party) party {
	if t == nil {
		return p
	}
	if p.uri.User == "" {
		p.uri.User, _ = userPart("caller id", t.cfg.CallerID)
	}
	if t.cfg.FromUser != "" {
		p.uri.User, _ = userPart("caller id", t.cfg.FromUser)
	}
	if t.cfg.FromDomain != "" {
		p.uri.Host = t.cfg.FromDomain
	}
	return p
}

// elsewhere moves the attempt to the next address of the target, if this one has failed in a way that another may do
// better: no connection, no response, 503 (RFC 3263 §4.3). A long request that found no TCP tries UDP first.
func (a *attempt) elsewhere(ctx context.Context, req *sip.Request, end outcome) bool {
	pause, why := hopFault(end)
	if ctx.Err() != nil || why == nil || a.rung {
		return false
	}
	if a.trunk != nil && req.Transport() == "TCP" && a.hop.network == "UDP" && end.res == nil {
		a.trunk.refusesTCP(a.hop)
		return true
	}
	if a.trunk != nil && (end.res == nil || pause > 0) {
		a.trunk.failed(a.hop, why, pause)
	}
	if len(a.others) == 0 {
		return false
	}
	a.mu.Lock()
	a.hop, a.others = a.others[0], a.others[1:]
	a.over = false
	a.mu.Unlock()
	a.leg.note(shorten(why.Error()) + "; trying " + a.hop.remote)
	return true
}

// hopFault tells whether an outcome is the fault of the address, and how long it asked to be left alone.
func hopFault(end outcome) (pause time.Duration, why error) {
	switch {
	case end.err != nil:
		if errors.Is(end.err, errRingTime) || errors.Is(end.err, errSign) || errors.Is(end.err, errSDP) ||
			errors.Is(end.err, interpreter.ErrShutdown) {
			return 0, nil
		}
		return 0, end.err
	case end.res.StatusCode == 503:
		pause, _ = secondsOf(end.res, "retry-after")
		return pause, errors.New("503 " + end.res.Reason)
	}
	return 0, nil
}

// patience is when an attempt that has not been heard of moves on: at once for the next address, or the time in which
// the trunk should ring.
type patience struct {
	silent *time.Timer // nothing at all came
	sign   *time.Timer // nothing that rings came
}

func (a *attempt) patience() patience {
	var p patience
	if len(a.others) > 0 {
		p.silent = time.NewTimer(hopPatience * a.edge.t1)
	}
	if a.sign > 0 {
		p.sign = time.NewTimer(a.sign)
	}
	return p
}

func (p patience) stop() {
	for _, t := range []*time.Timer{p.silent, p.sign} {
		if t != nil {
			t.Stop()
		}
	}
}

// id is that of the trunk, or empty.
func (t *trunk) id() string {
	if t == nil {
		return ""
	}
	return t.cfg.ID
}

// take counts a dialog among the trunk's calls until it ends, unless the trunk is full. It also gives the dialog the
// trunk's codecs.
func (t *trunk) take(d *dialog, inbound bool) bool {
	if t == nil {
		return true
	}
	limit := t.cfg.Out
	if inbound {
		limit = t.cfg.In
	}
	d.codecs, d.srtp = t.cfg.Codecs, t.cfg.SRTP
	return t.usage.take(d.ctx, limit, inbound)
}

// signTime is when a call over the trunk should ring: as the target says, else as the trunk does.
func (t *trunk) signTime(to interpreter.Target) time.Duration {
	if to.Sign > 0 || t == nil {
		return to.Sign
	}
	return t.cfg.Sign
}

// owns reports an address that belongs to the trunk.
func (t *trunk) owns(remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	return err == nil && t.matches(ap.Addr()) >= 0
}

// called finds the number that a call from a registered trunk is for: many trunks put the contact we registered into
// the Request-URI, and what was dialled into To.
func (t *trunk) called(info *interpreter.LegInfo) {
	info.Trunk = t.id()
	if t == nil || !t.cfg.Register || info.To.User == "" {
		return
	}
	if u := info.Request.User; u == "" || u == t.cfg.Username || u == t.cfg.FromUser {
		info.Request = info.To
	}
}

// own gives a dialog that the trunk began what it needs to answer the trunk's challenges.
func (t *trunk) own() *credentials {
	if t == nil {
		return nil
	}
	return t.creds()
}
