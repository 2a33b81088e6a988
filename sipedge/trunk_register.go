package sipedge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const (
	registerTime   = 16               // T1 (8 s) for one REGISTER at one address, before the next is tried
	firstBackOff   = 10               // T1 (5 s) after a failure; then twice as long each time
	lastBackOff    = 5 * time.Minute  //
	refusedBackOff = time.Minute      // after a refusal, which asking again soon does not mend
	unregisterTime = 3                // T1 (1.5 s), for a shutdown does not wait long
	shortestExpiry = 20 * time.Second // less is not believed
	longestExpiry  = 24 * time.Hour
)

// registration is what is known of our contact at a trunk's registrar.
type registration struct {
	until time.Time // zero: not registered
	err   string
	errAt time.Time
}

// registrant registers one trunk. It is used by one goroutine.
type registrant struct {
	t         *trunk
	callID    string
	tag       string
	seq       uint32
	expires   time.Duration
	challenge *digest.Challenge // the last one, whose nonce is used again
	header    string            // where its answer goes
	count     int               // answers given to it
}

// registering keeps the trunk registered until ctx ends, and then takes the registration back, unless other settings go
// on with it.
func (t *trunk) registering(ctx context.Context) {
	r := &registrant{t: t, callID: token(16) + "@" + t.edge.host, tag: token(8), expires: t.cfg.Expires}
	if r.expires <= 0 {
		r.expires = trunkExpires
	}
	backOff := firstBackOff * t.edge.t1
	for {
		life, err := r.register(ctx, r.expires)
		if ctx.Err() != nil {
			break
		}
		t.registered(life, err)
		pause := refreshIn(life)
		if err != nil {
			pause = backOff
			var refused *refusedError
			if errors.As(err, &refused) {
				pause = max(pause, refusedBackOff)
			}
			backOff = min(2*backOff, lastBackOff)
			pause += rand.N(pause/2 + 1)
		} else {
			backOff = firstBackOff * t.edge.t1
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			break
		}
	}
	if errors.Is(context.Cause(ctx), errTrunkGone) && r.seq > 0 {
		// The context has ended: this last request has a time of its own.
		last, cancel := context.WithTimeout(t.edge.work, unregisterTime*t.edge.t1)
		defer cancel()
		if _, err := r.register(last, 0); err != nil { //nolint:contextcheck // see above
			t.edge.log.WithError(err).WithField("trunk", t.cfg.ID).Debug("registration not taken back")
		}
		t.registered(0, nil)
	}
}

// refreshIn is when a registration is renewed: with a fifth of its life, and half a minute where there is so much, to
// spare for a failure.
func refreshIn(life time.Duration) time.Duration {
	in := life * 4 / 5
	if life > 150*time.Second {
		in = life - max(30*time.Second, life/5)
	}
	return in - rand.N(in/10+1)
}

// registered notes how a registration went, and logs when that changes.
func (t *trunk) registered(life time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	log := t.edge.log.WithField("trunk", t.cfg.ID)
	if err != nil {
		if t.reg.err != err.Error() {
			log.WithError(err).Warn("trunk not registered")
		}
		t.reg.err, t.reg.errAt = err.Error(), time.Now()
		return
	}
	if t.reg.until.IsZero() && life > 0 || t.reg.err != "" {
		log.WithField("expires", life).Info("trunk registered")
	}
	t.reg = registration{}
	if life > 0 {
		t.reg.until = time.Now().Add(life)
	}
}

// refusedError is a registrar's final no.
type refusedError struct {
	code int
	text string
}

func (e *refusedError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// register sends one REGISTER, to one address after the other until one serves (RFC 3263 §4.3). It gives the time that
// the registrar granted.
func (r *registrant) register(ctx context.Context, expires time.Duration) (time.Duration, error) {
	hops, err := r.t.locate(ctx)
	if err != nil {
		return 0, err
	}
	if good := r.t.healthy(hops); len(good) > 0 {
		hops = good
	}
	for _, f := range hops {
		var life time.Duration
		life, err = r.at(ctx, f, expires)
		var refused *refusedError
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) && refused.code != 503 && refused.code != 408 {
			return life, err
		}
	}
	return 0, err
}

// at registers at one address: the request, and again where it is challenged or asked for more time.
func (r *registrant) at(ctx context.Context, f flow, expires time.Duration) (time.Duration, error) {
	limited, cancel := context.WithTimeoutCause(ctx, registerTime*r.t.edge.t1, errNoAnswer)
	defer cancel()
	challenges, brief := 0, false
	for {
		req := r.request(f, expires)
		answered, err := r.sign(req)
		if err != nil {
			return 0, err
		}
		r.t.edge.address(req, f, 0)
		res, err := r.t.edge.roundTrip(limited, req)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f.remote, err)
		}
		switch code := res.StatusCode; {
		case res.IsSuccess():
			r.t.well(f, 0)
			return r.granted(res, expires), nil
		case code == 423 && !brief && expires > 0:
			brief = true
			least, ok := secondsOf(res, "min-expires")
			if !ok || least > longestExpiry {
				return 0, &refusedError{code, "the registrar wants another time and does not say which"}
			}
			expires = max(least, expires)
			r.expires = expires
		case code == 401 || code == 407:
			challenges++
			if err = r.challenged(res, answered, challenges); err != nil {
				return 0, err
			}
		default:
			return 0, &refusedError{code, shorten(res.Reason)}
		}
	}
}

// challenged takes a challenge over, unless the answer to it would be that which was just refused. answered says
// whether the request carried one, and to how old a nonce.
func (r *registrant) challenged(res *sip.Response, answered answerKind, challenges int) error {
	ask, give := "www-authenticate", "Authorization"
	if res.StatusCode == 407 {
		ask, give = "proxy-authenticate", "Proxy-Authorization"
	}
	best := strongest(res.GetHeaders(ask))
	cfg := &r.t.cfg
	switch {
	case best == nil:
		return &refusedError{res.StatusCode, "the challenge cannot be answered: no algorithm in common"}
	case cfg.Realm != "" && best.Realm != cfg.Realm:
		return &refusedError{res.StatusCode, fmt.Sprintf("the registrar asks for realm %.60q, the trunk is set to %.60q: "+
			"nothing was sent", shorten(best.Realm), cfg.Realm)}
	case cfg.Password == "" && cfg.Username == "":
		return &refusedError{res.StatusCode, "the registrar asks for a password and the trunk has none"}
	case answered == answerFresh && !best.Stale || challenges > maxChallenges:
		r.challenge = nil
		return &refusedError{res.StatusCode, "the registrar refuses user name or password"}
	}
	r.challenge, r.header, r.count = best, give, 0
	return nil
}

// answerKind is what answer a request carries.
type answerKind int

const (
	answerNone  answerKind = iota
	answerAgain            // to a nonce that has served before, and may have grown stale
	answerFresh            // to the nonce of a moment ago
)

// sign puts the answer to the last challenge into a request, with the next count.
func (r *registrant) sign(req *sip.Request) (answerKind, error) {
	if r.challenge == nil {
		return answerNone, nil
	}
	r.count++
	cred, err := digest.Digest(r.challenge, digest.Options{Method: string(req.Method), URI: req.Recipient.String(),
		Username: r.t.cfg.Username, Password: r.t.cfg.Password, Count: r.count})
	if err != nil {
		return answerNone, err
	}
	req.AppendHeader(sip.NewHeader(r.header, cred.String()))
	if r.count > 1 {
		return answerAgain, nil
	}
	return answerFresh, nil
}

func (r *registrant) request(f flow, expires time.Duration) *sip.Request {
	t := r.t
	r.seq++
	domain := sip.Uri{Scheme: t.uri.Scheme, Host: t.uri.Host, Port: t.uri.Port}
	if t.cfg.Registrar != "" {
		domain.Host, domain.Port = t.cfg.Registrar, 0
	}
	user := t.cfg.FromUser
	if user == "" {
		user = t.cfg.Username
	}
	user, _ = userPart("user", user) // checked when the trunk was made
	us := domain
	us.User, us.Port = user, 0
	req := sip.NewRequest(sip.REGISTER, domain)
	from := &sip.FromHeader{Address: us, Params: sip.NewParams()}
	from.Params.Add("tag", r.tag)
	hops := sip.MaxForwardsHeader(70)
	id := sip.CallIDHeader(r.callID)
	contact := t.edge.contact(f.network)
	contact.Address.User = user
	if contact.Address.UriParams == nil {
		contact.Address.UriParams = sip.NewParams()
	}
	contact.Address.UriParams.Add("line", t.line)
	seconds := itoa(int(expires / time.Second))
	contact.Params = sip.NewParams()
	contact.Params.Add("expires", seconds)
	for _, h := range []sip.Header{&hops, from, &sip.ToHeader{Address: us, Params: sip.NewParams()}, &id,
		&sip.CSeqHeader{SeqNo: r.seq, MethodName: sip.REGISTER}, contact, sip.NewHeader("Expires", seconds)} {
		req.AppendHeader(h)
	}
	t.edge.common(req)
	req.SetBody(nil)
	return req
}

// granted reads how long the registrar keeps our contact: its parameter, the header, else what we asked for.
func (r *registrant) granted(res *sip.Response, asked time.Duration) time.Duration {
	if asked == 0 {
		return 0
	}
	life := asked
	if d, ok := secondsOf(res, "expires"); ok {
		life = d
	}
	for _, h := range res.GetHeaders("contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			continue
		}
		line, _ := c.Address.UriParams.Get("line")
		text, given := c.Params.Get("expires")
		if n, fits := digits(text, uint64(longestExpiry/time.Second)); line == r.t.line && given && fits {
			life = time.Duration(n) * time.Second
		}
	}
	return min(max(life, shortestExpiry), longestExpiry)
}

// secondsOf reads a header that holds whole seconds.
func secondsOf(res *sip.Response, name string) (time.Duration, bool) {
	h := res.GetHeader(name)
	if h == nil {
		return 0, false
	}
	text, _, _ := strings.Cut(h.Value(), ";")
	text, _, _ = strings.Cut(text, "(")
	n, ok := digits(strings.TrimSpace(text), uint64(longestExpiry/time.Second))
	return time.Duration(n) * time.Second, ok
}
