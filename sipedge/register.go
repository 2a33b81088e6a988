package sipedge

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
	"pintle/sipedge/registrar"
)

const (
	maxPath      = 20
	maxParameter = 255
	fullQ        = 1000
)

// register answers REGISTER (RFC 3261 §10.3): all of its contacts are taken, or none.
func (e *Edge) register(req *sip.Request, tx *sip.ServerTx) {
	e.respond(tx, e.phones.register(req))
}

func (p *phones) register(req *sip.Request) *sip.Response {
	e := p.edge
	if p.limited(req) {
		return e.reply(req, 503, "", retryAfter(), because(whyRate))
	}
	realm, ok := p.realmOf(&req.To().Address, false)
	if !ok {
		return e.reply(req, 403, "", because("the domain of the To header is not served here"))
	}
	l, res := p.verify(req, realm)
	if res != nil {
		return res
	}
	if res = p.mayRegister(req, l, realm); res != nil {
		return res
	}
	u, res := p.update(req, l)
	if res != nil {
		return res
	}
	now, changes, err := p.table.Update(u)
	if err != nil {
		return p.refused(req, l, err)
	}
	for _, c := range changes {
		p.tell(changeWords[c.Kind], c.Binding, "")
	}
	return p.registered(req, now)
}

var changeWords = map[registrar.Kind]RegistrationChange{registrar.Added: Registered, registrar.Renewed: Refreshed,
	registrar.Removed: Unregistered, registrar.Expired: Expired}

// mayRegister refuses an address of record that is not the login's, and who registers for another (R-AUTH-6).
func (p *phones) mayRegister(req *sip.Request, l Login, realm string) *sip.Response {
	to, from := &req.To().Address, &req.From().Address
	fromRealm, ok := p.realmOf(from, false)
	why := ""
	switch {
	case realm != l.Realm || plainUser(to.User) != l.User:
		why = "the login does not own this address of record"
	case !ok || fromRealm != realm || plainUser(from.User) != l.User:
		why = "registration for somebody else"
	default:
		return nil
	}
	return p.reject(req, l, why)
}

func (p *phones) reject(req *sip.Request, l Login, why string) *sip.Response {
	b := bindingOf(req)
	b.Device, b.Account, b.AOR = l.Device, l.Account, recordOf(l.User, l.Realm)
	p.tell(Rejected, b, why)
	return p.edge.reply(req, 403, "", because(why))
}

// refused answers a REGISTER that the table does not take.
func (p *phones) refused(req *sip.Request, l Login, err error) *sip.Response {
	switch {
	case errors.Is(err, registrar.ErrTooMany):
		return p.reject(req, l, err.Error())
	case errors.Is(err, registrar.ErrReplay):
		return p.edge.reply(req, 400, "CSeq Not Higher Than Before", because(err.Error()))
	}
	p.log.WithError(err).Error("REGISTER refused")
	return p.edge.reply(req, 503, "", retryAfter(), because(err.Error()))
}

// because tells a person who looks at the trace of a phone what was wrong.
func because(why string) sip.Header {
	return sip.NewHeader("Warning", `399 pintle "`+escapeQuoted(shorten(why))+`"`)
}

// bindingOf is what a request says of its sender.
func bindingOf(req *sip.Request) registrar.Binding {
	b := registrar.Binding{Network: strings.ToUpper(req.Transport()), Source: req.Source()}
	if h := req.GetHeader("user-agent"); h != nil {
		b.Agent = shorten(strings.ToValidUTF8(h.Value(), "�"))
	}
	return b
}

// update reads what a REGISTER asks for, or refuses it.
func (p *phones) update(req *sip.Request, l Login) (registrar.Update, *sip.Response) {
	e := p.edge
	b := bindingOf(req)
	u := registrar.Update{AOR: recordOf(l.User, l.Realm), Device: l.Device, Account: l.Account,
		CallID: req.CallID().Value(), CSeq: req.CSeq().SeqNo, Network: b.Network, Source: b.Source, Agent: b.Agent,
		Max: p.set.Contacts}
	if l.MaxContacts > 0 {
		u.Max = min(l.MaxContacts, maxAORContacts)
	}
	for _, h := range req.GetHeaders("path") {
		for _, part := range splitUnquoted(h.Value(), ',') {
			n, err := parseNameAddr(part)
			if err != nil || len(u.Path) == maxPath {
				return u, e.reply(req, 400, "Malformed Path")
			}
			u.Path = append(u.Path, n.uri)
		}
	}
	general := requestedExpiry(headerValue(req, "expires"), "")
	list := req.GetHeaders("contact")
	for _, h := range list {
		if strings.TrimSpace(h.Value()) == "*" {
			if len(list) != 1 || strings.TrimSpace(headerValue(req, "expires")) != "0" {
				return u, e.reply(req, 400, "Contact * Needs Expires 0 And No Other Contact")
			}
			u.All = true
			return u, nil
		}
		c, res := p.contact(req, h, l, general)
		if res != nil {
			return u, res
		}
		c.NAT = c.NAT && len(u.Path) == 0
		u.Contacts = append(u.Contacts, c)
	}
	return u, nil
}

func headerValue(req *sip.Request, name string) string {
	if h := req.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// requestedExpiry reads a life time in seconds; what is malformed counts as an hour (RFC 3261 §20.19), what is absent
// gives -1.
func requestedExpiry(first, second string) time.Duration {
	for _, s := range []string{first, second} {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		n, ok := digits(s, 1<<32-1)
		if !ok {
			return time.Hour
		}
		return time.Duration(n) * time.Second
	}
	return -1
}

// contact reads one Contact of a REGISTER. general is the life time that the Expires header asks for.
func (p *phones) contact(req *sip.Request, h sip.Header, l Login, general time.Duration) (
	c registrar.Contact, refused *sip.Response,
) {
	e := p.edge
	n, err := parseNameAddr(h.Value())
	var u sip.Uri
	if err != nil || sip.ParseUri(n.uri, &u) != nil || u.Scheme != "sip" && u.Scheme != "sips" || len(n.uri) > maxURI {
		return c, e.reply(req, 400, "Malformed Contact")
	}
	if isSips(&u) && !encrypted(req.Transport()) {
		return c, e.reply(req, 400, "Contact Needs TLS", because("a sips Contact is registered over TLS"))
	}
	if why := p.badContact(&u); why != "" {
		return c, p.reject(req, l, why)
	}
	c = registrar.Contact{URI: n.uri, Key: contactKey(&u), Q: fullQ, NAT: contactBehindNAT(req, &u)}
	own, _ := n.param("expires")
	if c.Expires = p.life(own, general, l); c.Expires > 0 && c.Expires < p.set.Minimum {
		return c, e.reply(req, 423, "", sip.NewHeader("Min-Expires", itoa(int(p.set.Minimum/time.Second))))
	}
	if !keepParameters(&c, n) {
		return c, e.reply(req, 400, "Malformed Contact")
	}
	return c, nil
}

// life is how long a contact asks to be kept, by its own parameter or else by general, and no longer than its device
// may.
func (p *phones) life(own string, general time.Duration, l Login) time.Duration {
	asked := requestedExpiry(own, "")
	if asked < 0 {
		asked = general
	}
	longest := l.Expires
	if longest <= 0 {
		longest = p.set.Expires
	}
	longest = max(longest, p.set.Minimum)
	if asked < 0 || asked > longest {
		return longest
	}
	return asked
}

// keepParameters takes over what a contact says about itself beside its life time. It reports false when that is
// malformed.
func keepParameters(c *registrar.Contact, n nameAddr) bool {
	q, weighed := n.param("q")
	if weighed {
		if c.Q, weighed = qValue(q); !weighed {
			return false
		}
	}
	var err error
	if c.Instance, err = parameter(n, "+sip.instance"); err != nil {
		return false
	}
	if id, ok := n.param("reg-id"); ok && c.Instance != "" {
		number, valid := digits(id, 1<<31-1)
		if !valid || number == 0 {
			return false
		}
		c.RegID = int(number) //nolint:gosec // below 2^31
		c.Params = ";reg-id=" + id
	}
	if c.Instance != "" {
		c.Params += ";+sip.instance=" + c.Instance
	}
	if weighed {
		c.Params += ";q=" + q
	}
	return true
}

// parameter is a quoted header parameter that is kept, at most 255 octets of printable text.
func parameter(n nameAddr, name string) (string, error) {
	v, _ := n.param(name)
	if len(v) > maxParameter {
		return "", errNameAddr
	}
	return v, plainValue(name, v)
}

// badContact says why nobody could be called there: the engine itself, a group, nobody.
func (p *phones) badContact(u *sip.Uri) string {
	host := strings.Trim(u.Host, "[]")
	if m, ok := u.UriParams.Get("maddr"); ok && m != "" {
		return "a contact with maddr is not taken"
	}
	if _, ours := p.accounts.Realm(strings.ToLower(host)); ours {
		return "the contact is an address of record of this server"
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	if p.edge.ownHost(host) && p.edge.ownPort(port) {
		return "the contact is this server"
	}
	a, err := netip.ParseAddr(host)
	if err == nil && (a.IsMulticast() || a.IsUnspecified() || a.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
		return "the contact is no address of a phone"
	}
	return ""
}

// contactKey is what makes two contacts the same (RFC 3261 §10.2.4, §19.1.4).
func contactKey(u *sip.Uri) string {
	t, _ := u.UriParams.Get("transport")
	return strings.ToLower(u.Scheme) + ":" + plainUser(u.User) + "@" + strings.ToLower(u.Host) + ":" + itoa(u.Port) + ";" +
		strings.ToLower(t)
}

// contactBehindNAT reports a phone that is not reached at its contact: requests go where its REGISTER came from. A
// contact on the source's address but another port counts when the datagram's port was changed on the way.
func contactBehindNAT(req *sip.Request, u *sip.Uri) bool {
	source, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	if err != nil || a.Unmap() != source.Addr().Unmap() {
		return true
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	v := req.Via()
	if port == int(source.Port()) || v == nil || strings.ToUpper(req.Transport()) != "UDP" {
		return false
	}
	sent := v.Port
	if sent == 0 {
		sent = 5060
	}
	_, asks := v.Params.Get("rport")
	return asks && sent != int(source.Port())
}

// phoneBehindNAT reports that a call comes from a phone of ours that is not reached at its contact.
func phoneBehindNAT(req *sip.Request, info interpreter.LegInfo) bool {
	c := req.Contact()
	return info.Device != "" && c != nil && req.GetHeader("record-route") == nil && contactBehindNAT(req, &c.Address)
}

// qValue reads 0, 1, 0.5, 0.123 as thousandths (RFC 3261 §25.1).
func qValue(s string) (int, bool) {
	whole, part, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(part) > 3 {
		return 0, false
	}
	n, err := strconv.ParseUint(part+"000"[:3-len(part)], 10, 16)
	if err != nil || whole == "1" && n > 0 {
		return 0, false
	}
	if whole == "1" {
		n = fullQ
	}
	return int(n), true //nolint:gosec // at most 1000
}

// registered is the 200 with every binding of the address of record (RFC 3261 §10.3 step 8).
func (p *phones) registered(req *sip.Request, list []registrar.Binding) *sip.Response {
	res := p.edge.reply(req, 200, "")
	at := time.Now()
	outbound := false
	for _, b := range list {
		left := max(1, int(b.Expires.Sub(at).Round(time.Second)/time.Second))
		res.AppendHeader(sip.NewHeader("Contact", "<"+b.Contact+">"+b.Params+";expires="+itoa(left)))
		outbound = outbound || b.RegID > 0 && b.CallID == req.CallID().Value()
	}
	for _, h := range req.GetHeaders("path") {
		res.AppendHeader(sip.NewHeader("Path", h.Value()))
	}
	if outbound {
		res.AppendHeader(sip.NewHeader("Require", "outbound")) // RFC 5626 §6
	}
	res.AppendHeader(sip.NewHeader("Date", at.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	return res
}
