package sipedge

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// Session timers (RFC 4028): one party says again and again that the call still runs, so that a call whose other end
// has vanished does not live, and cost, for ever.

const (
	defaultSession = 30 * time.Minute
	defaultMinSE   = 90 * time.Second // RFC 4028 §5: no less may be asked for
	maxSession     = 24 * time.Hour
	lastMoment     = 32 * time.Second // before its end a session that was not refreshed is hung up, §10
	callerRefreshs = "uac"
	calleeRefreshs = "uas"
)

// sessionTimer is the agreement of one dialog. It belongs to the dialog's goroutine.
type sessionTimer struct {
	interval time.Duration // 0: none
	ours     bool          // we are the refresher
	least    time.Duration // what the peer's 422 asked for
	ends     time.Time
	timer    *time.Timer
	round    int // of arming: a timer that fires late belongs to an older one
}

func (s *sessionTimer) stop() {
	s.round++
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// sessionExpires reads Session-Expires: whole seconds and who refreshes, "uac", "uas" or nobody named.
func sessionExpires(value string) (time.Duration, string, bool) {
	number, params, _ := strings.Cut(value, ";")
	d, ok := seconds(number)
	if !ok {
		return 0, "", false
	}
	who := ""
	if plain, err := squeezeParams(";" + params); err == nil {
		who, _ = nameAddr{params: plain}.param("refresher")
	}
	switch who = strings.ToLower(who); who {
	case callerRefreshs, calleeRefreshs:
		return d, who, true
	}
	return d, "", true
}

// seconds reads delta-seconds. What lies beyond a day is a day.
func seconds(text string) (time.Duration, bool) {
	n, ok := digits(strings.TrimSpace(text), 1<<32-1)
	if !ok {
		return 0, false
	}
	return min(time.Duration(n)*time.Second, maxSession), true
}

// headerSeconds is the number of a header such as Min-SE, 0 when it is not there.
func headerSeconds(m interface{ GetHeader(name string) sip.Header }, name string) time.Duration {
	h := m.GetHeader(name)
	if h == nil {
		return 0
	}
	number, _, _ := strings.Cut(h.Value(), ";")
	d, _ := seconds(number)
	return d
}

// tooShort refuses a session that a peer who knows session timers wants shorter than we do (RFC 4028 §9).
func (e *Edge) tooShort(req *sip.Request) *sip.Response {
	h := req.GetHeader("session-expires")
	if h == nil || !listed(values(req, "supported"), "timer") {
		return nil
	}
	d, _, ok := sessionExpires(h.Value())
	switch {
	case !ok:
		return e.reply(req, 400, "Malformed Session-Expires")
	case d < e.minSE():
		return e.reply(req, 422, "", sip.NewHeader("Min-SE", wholeSeconds(e.minSE())))
	}
	return nil
}

func (e *Edge) minSE() time.Duration {
	if e.cfg.MinSE > 0 {
		return e.cfg.MinSE
	}
	return defaultMinSE
}

// session is the length that we ask for by ourselves; 0: none.
func (e *Edge) session() time.Duration {
	switch {
	case e.cfg.SessionExpires < 0:
		return 0
	case e.cfg.SessionExpires == 0:
		return defaultSession
	}
	return max(e.cfg.SessionExpires, e.minSE())
}

func wholeSeconds(d time.Duration) string { return itoa(int((d + time.Second - 1) / time.Second)) }

// askTimer puts our wish into an INVITE or UPDATE of ours. In the middle of a call the length stays and the roles stay.
func (d *dialog) askTimer(req *sip.Request) {
	length, who := d.session.interval, ";refresher="+calleeRefreshs
	if d.session.ours {
		who = ";refresher=" + callerRefreshs
	}
	if length == 0 {
		if d.state == dialogConfirmed {
			return // there is none, and none is wanted
		}
		length, who = d.edge.session(), ""
	}
	if length == 0 {
		return
	}
	least := max(d.edge.minSE(), d.session.least)
	req.AppendHeader(sip.NewHeader("Session-Expires", wholeSeconds(max(length, least))+who))
	req.AppendHeader(sip.NewHeader("Min-SE", wholeSeconds(least)))
}

// longer takes what a 422 asks for. It reports false when that is nothing new: the request is not worth repeating.
func (d *dialog) longer(res *sip.Response) bool {
	least := headerSeconds(res, "min-se")
	if least <= max(d.edge.minSE(), d.session.least) {
		return false
	}
	d.session.least = least
	if d.session.interval > 0 {
		d.session.interval = max(d.session.interval, least)
	}
	return true
}

// heardTimer takes the agreement from a 2xx to our INVITE or UPDATE (RFC 4028 §7.2) and lets the time begin.
func (d *dialog) heardTimer(res *sip.Response) {
	d.session.interval, d.session.ours = 0, false
	if h := res.GetHeader("session-expires"); h != nil {
		if length, who, ok := sessionExpires(h.Value()); ok {
			// A peer that asks for less than the RFC allows is not believed: we would flood it.
			d.session.interval, d.session.ours = max(length, d.edge.minSE()), who != calleeRefreshs
		}
	}
	d.armSession()
}

// answerTimer decides on the session of the peer's INVITE or UPDATE and says so in our 2xx (RFC 4028 §9).
func (d *dialog) answerTimer(req *sip.Request, res *sip.Response) {
	knows := listed(values(req, "supported"), "timer") || listed(values(req, "require"), "timer")
	length, who := time.Duration(0), ""
	if h := req.GetHeader("session-expires"); h != nil {
		length, who, _ = sessionExpires(h.Value())
	}
	own := d.edge.session()
	switch {
	case length > 0 && own > 0:
		length = max(min(length, own), headerSeconds(req, "min-se"))
	case length > 0:
	case d.session.interval > 0 && (knows || d.session.ours):
		length = d.session.interval // a request of another kind in the middle of the call
		if d.session.ours {
			who = calleeRefreshs
		}
	case knows:
		length = max(own, headerSeconds(req, "min-se"))
		if own == 0 {
			length = 0
		}
	}
	switch {
	case !knows:
		who = calleeRefreshs
	case who == "":
		who = callerRefreshs
	}
	d.session.interval, d.session.ours = max(length, 0), who == calleeRefreshs
	if length > 0 {
		d.session.interval = max(length, d.edge.minSE())
		d.sayTimer(res, who)
	}
	d.armSession()
}

// sayTimer writes the session's interval and who refreshes it into a 2xx.
func (d *dialog) sayTimer(res *sip.Response, who string) {
	res.AppendHeader(sip.NewHeader("Session-Expires", wholeSeconds(d.session.interval)+";refresher="+who))
	if who == callerRefreshs {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
	}
}

// armSession starts the clock anew: half of the session until we refresh it, or nearly all of it until we give up
// waiting for the peer to.
func (d *dialog) armSession() {
	d.session.stop()
	if d.session.interval == 0 {
		return
	}
	d.session.ends = time.Now().Add(d.session.interval)
	if d.session.ours {
		d.sessionAfter(d.session.interval/2, d.refreshSession)
		return
	}
	d.sessionAfter(giveUpAfter(d.session.interval), d.sessionOver)
}

// giveUpAfter is when the party that does not refresh hangs up (RFC 4028 §10).
func giveUpAfter(interval time.Duration) time.Duration { return interval - min(lastMoment, interval/3) }

// sessionAfter does work later, unless the clock was started anew before.
func (d *dialog) sessionAfter(wait time.Duration, work func()) {
	round := d.session.round
	d.session.timer = d.after(wait, func() {
		if round == d.session.round && d.state == dialogConfirmed {
			work()
		}
	})
}

// refreshSession says that the call still runs. A refusal that does not end the call is answered by trying again, as
// long as there is time.
func (d *dialog) refreshSession() {
	d.ask(&change{kind: changeRefresh, done: func(err error) {
		if err == nil || d.state != dialogConfirmed {
			return
		}
		left := time.Until(d.session.ends)
		if left < d.session.interval/16 {
			d.sessionOver()
			return
		}
		d.session.stop()
		d.sessionAfter(left/2, d.refreshSession)
	}})
}

func (d *dialog) sessionOver() {
	d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 408, Cause: interpreter.CauseOf(408),
		Reason: "the session timer ran out: the far end did not say that the call still runs"})
}

// values gives all lines of a header.
func values(m interface {
	GetHeaders(name string) []sip.Header
}, name string) []string {
	var list []string
	for _, h := range m.GetHeaders(name) {
		list = append(list, h.Value())
	}
	return list
}
