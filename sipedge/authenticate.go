package sipedge

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/auth"
	"pintle/sipedge/registrar"
)

const maxAnswers = 8 // Authorization headers of one request that are looked at

// authenticate finds the device that a request outside a dialog comes from: by its address, or by digest. When it
// reports false the request has been answered already: challenged, or refused. The From header is the device's own.
func (e *Edge) authenticate(req *sip.Request, tx *sip.ServerTx) (Login, bool) {
	p := e.phones
	if p == nil {
		e.respond(tx, e.reply(req, 403, "", because(whyNoLogins)))
		return Login{}, false
	}
	if l, err := p.accounts.Source(sourceOf(req)); err == nil && l.Enabled {
		return l, true
	}
	l, res := p.verify(req, p.realmFor(req))
	if res == nil {
		res = p.checkFrom(req, l)
	}
	if res != nil {
		e.respond(tx, res)
		return Login{}, false
	}
	return l, true
}

// caller finds the device that an INVITE comes from. Peers and strangers give an empty Login; a stranger is who neither
// says to be of ours nor offers credentials.
func (e *Edge) caller(req *sip.Request) (Login, *sip.Response) {
	p := e.phones
	if p == nil || e.known(req) && !p.speaks(req) {
		return Login{}, nil
	}
	if l, err := p.accounts.Source(sourceOf(req)); err == nil && l.Enabled {
		return l, nil
	}
	_, ours := p.realmOf(&req.From().Address, true)
	if !ours && req.GetHeader("authorization") == nil && req.GetHeader("proxy-authorization") == nil {
		return Login{}, nil
	}
	l, res := p.verify(req, p.realmFor(req))
	if res == nil {
		res = p.checkFrom(req, l)
	}
	return l, res
}

// speaks tells whether a request comes from where the phone is registered that its From names: it is the phone's even
// where a trunk or a peer has the same address, behind one NAT.
func (p *phones) speaks(req *sip.Request) bool {
	from := &req.From().Address
	realm, ours := p.realmOf(from, true)
	return ours && slices.ContainsFunc(p.table.Lookup(recordOf(plainUser(from.User), realm)),
		func(b registrar.Binding) bool { return b.Source == req.Source() })
}

// challengeStranger is the answer to an INVITE that a stranger may not make: with accounts, to log in; else 403.
func (e *Edge) challengeStranger(req *sip.Request) *sip.Response {
	if e.phones == nil {
		return e.reply(req, 403, "", because(stranger))
	}
	return e.phones.challenge(req, e.phones.realmFor(req), false)
}

// realmFor is the realm that a request is to be authenticated in: of its To for REGISTER, else of its From or
// Request-URI.
func (p *phones) realmFor(req *sip.Request) string {
	list := []*sip.Uri{&req.From().Address, &req.Recipient, {}}
	if req.Method == sip.REGISTER {
		list = []*sip.Uri{&req.To().Address}
	}
	for _, u := range list {
		if realm, ok := p.realmOf(u, false); ok {
			return realm
		}
	}
	realm, _ := p.accounts.Realm("")
	return realm
}

// verify checks the digest of a request. It gives the response that asks again, or refuses, when it is not right. What
// it does, and what it answers, is the same for users who do not exist (R-AUTH-2).
func (p *phones) verify(req *sip.Request, realm string) (Login, *sip.Response) {
	a, found, malformed := answerIn(req, realm)
	switch {
	case !found && malformed:
		return Login{}, p.edge.reply(req, 400, "Malformed Authorization")
	case !found:
		return Login{}, p.challenge(req, realm, false)
	case !p.sameTarget(req, a.URI):
		return Login{}, p.edge.reply(req, 400, "Digest URI Is Not The Request-URI")
	}
	p.old.answered(req)
	source := sourceOf(req)
	if p.bans.BannedUser(source, a.Username) {
		return Login{}, p.edge.reply(req, 403, "", because(whyLogin))
	}
	l, err := p.accounts.Login(realm, a.Username)
	secret := &l.HA1
	if err != nil || !l.Enabled || l.Username != "" && l.Username != a.Username {
		secret = nil
	}
	switch p.auth.Check(a, secret, string(req.Method), source) {
	case auth.Right:
		l.Username = a.Username
		return l, nil
	case auth.Stale:
		return Login{}, p.challenge(req, realm, true)
	case auth.Full:
		return Login{}, p.edge.reply(req, 503, "", retryAfter())
	case auth.Wrong:
		// Not another challenge: some phones would answer it as wrongly, for ever.
		p.wrong(req, a.Username, realm, source)
		return Login{}, p.edge.reply(req, 403, "", because(whyLogin))
	case auth.Fresh:
	}
	return Login{}, p.challenge(req, realm, false)
}

// wrong counts a wrong answer and says so, once a second.
func (p *phones) wrong(req *sip.Request, username, realm string, source netip.Addr) {
	if missed, ok := p.refusals.take(); ok {
		p.log.WithField("user", shorten(username+"@"+realm)).WithField("source", source).WithField("missed", missed).
			Warnf("%s refused: wrong password, unknown or disabled user; check username and password of the phone", req.Method)
	}
	if p.edge.trusted(source) {
		return
	}
	b := bindingOf(req)
	if !p.table.Hosts(source) {
		if p.bans.Wrong(source) {
			p.tell(Banned, b, "too many wrong passwords; silent for ten minutes")
		}
		return
	}
	// Others log in from there: one phone with a wrong password must not silence an office behind its router.
	if p.bans.WrongUser(source, username) {
		b.AOR = shorten(recordOf(username, realm))
		p.tell(Banned, b, "too many wrong passwords; this user is refused from there for ten minutes")
	}
	if p.crowds.Wrong(source) && p.bans.Silence(source) {
		p.tell(Banned, b, "far too many wrong passwords; silent for ten minutes")
	}
}

// answerIn finds the digest answer for a realm among the first headers of a request.
func answerIn(req *sip.Request, realm string) (a auth.Answer, found, malformed bool) {
	seen := 0
	for _, name := range []string{"authorization", "proxy-authorization"} {
		for _, h := range req.GetHeaders(name) {
			if seen++; seen > maxAnswers {
				return auth.Answer{}, false, malformed
			}
			got, err := auth.ParseAnswer(h.Value())
			if err != nil {
				malformed = true
				continue
			}
			if got.Realm == realm {
				return got, true, false
			}
		}
	}
	return auth.Answer{}, false, malformed
}

// sameTarget compares the digest's uri with the Request-URI: user and host alone, for phones leave parameters and ports
// out, and any of our names for another.
func (p *phones) sameTarget(req *sip.Request, text string) bool {
	var u sip.Uri
	if !validURI(text) || sip.ParseUri(text, &u) != nil {
		return false
	}
	r := &req.Recipient
	if plainUser(u.User) != plainUser(r.User) {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	one, ok1 := p.realmOf(&u, false)
	other, ok2 := p.realmOf(r, false)
	return ok1 && ok2 && one == other
}

// plainUser is a user part with its escapes undone.
func plainUser(user string) string {
	plain, err := url.PathUnescape(user)
	if err != nil {
		return user
	}
	return plain
}

// challenge asks for credentials: 401 where we are the registrar or the end of the request, 407 where it goes on to
// somebody else (RFC 3261 §22).
func (p *phones) challenge(req *sip.Request, realm string, stale bool) *sip.Response {
	code, name := 401, "WWW-Authenticate"
	switch req.Method {
	case sip.INVITE, sip.REFER, sip.MESSAGE:
		code, name = 407, "Proxy-Authenticate"
	default: // what else is asked for credentials ends here
	}
	res := p.edge.reply(req, code, "")
	only := p.set.MD5Only || p.old.one(req)
	if l, err := p.accounts.Owner(plainUser(req.From().Address.User), realm); err == nil && l.MD5Only {
		only = true
	}
	for _, c := range p.auth.Challenges(auth.Challenge{Realm: realm, Source: sourceOf(req), Stale: stale, MD5Only: only}) {
		res.AppendHeader(sip.NewHeader(name, c))
	}
	return res
}

// checkFrom refuses a device that gives itself out for another. An anonymous caller may hide (RFC 3323 §4.1.1.3).
func (p *phones) checkFrom(req *sip.Request, l Login) *sip.Response {
	from := &req.From().Address
	user := plainUser(from.User)
	if user == "anonymous" && strings.EqualFold(from.Host, "anonymous.invalid") {
		return nil
	}
	if realm, ok := p.realmOf(from, false); ok && realm == l.Realm && (user == l.User || user == l.Username) {
		return nil
	}
	b := bindingOf(req)
	b.Device, b.Account, b.AOR = l.Device, l.Account, recordOf(l.User, l.Realm)
	p.tell(Rejected, b, "From "+shorten(from.String())+" is not the address of the device that logged in")
	return p.edge.reply(req, 403, "", sip.NewHeader("Warning", `399 pintle "From is not the address that logged in"`))
}

// identified completes what is known of an inbound leg.
func identified(info interpreter.LegInfo, l Login) interpreter.LegInfo {
	info.Device, info.Account, info.Username = l.Device, l.Account, l.Username
	return info
}

// limited reports one REGISTER too many of a source, or of a user at that source.
func (p *phones) limited(req *sip.Request) bool {
	source := sourceOf(req)
	if p.edge.trusted(source) {
		return false
	}
	now := time.Now()
	return !p.sources.allow(source, now) ||
		!p.users.take(prefixHash(source)^textHash(req.To().Address.User), now)
}

func textHash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h ^ h>>15
}
