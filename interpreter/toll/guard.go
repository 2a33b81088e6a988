package toll

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

const (
	maxAccounts = 10_000
	maxPrefixes = 1024 // counted for one account; beyond, the rest share one count
	quiet       = time.Minute
)

// Guard are lines that let only those calls to the public network through that an account's rules allow.
type Guard struct {
	interpreter.Lines
	Rules func(account string) Rules // as they are now
	// Public reports a SIP URI that leads to the public network; nil: none does.
	Public func(ctx context.Context, uri string) bool
	Log    *logrus.Entry // told of refusals, one line a minute for each account and reason; may be nil

	refused atomic.Uint64

	mu       sync.Mutex // guards what follows
	accounts map[string]*account
}

// account is what is counted of one.
type account struct {
	calls    int
	started  []time.Time // within the last minute
	prefixes map[string][]time.Time
	day      string
	spoken   time.Duration // of conversations that ended on day
	running  map[*time.Time]struct{}
	alarmed  map[string]time.Time
}

// Refused is the number of calls that were refused so far.
func (g *Guard) Refused() uint64 { return g.refused.Load() }

// Dial passes a call on when the rules allow it. A refusal is an *interpreter.DialError with a numbered fault; nothing
// was sent then. Emergency numbers always pass.
func (g *Guard) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	dialled, public := Dialled(ctx, to, g.Public)
	r := g.Rules(o.Account)
	if !public || r.Plan.Emergency(dialled) {
		return g.Lines.Dial(ctx, to, o)
	}
	refused, prefix := r.destination(dialled)
	if refused != "" {
		return nil, g.refuse(o, 403, interpreter.Fault{Code: CodeDestination, Msg: refused})
	}
	if err := g.present(r, &to, &o); err != nil {
		return nil, err
	}
	done, limit := g.enter(r, o.Account, prefix)
	if limit != "" {
		return nil, g.refuse(o, 403, interpreter.Fault{Code: CodeLimit, Msg: limit})
	}
	leg, err := g.Lines.Dial(ctx, to, o)
	if err != nil {
		done()
		return nil, err
	}
	answered := time.Now()
	stop := g.speaking(o.Account, &answered)
	context.AfterFunc(leg.Context(), func() { stop(); done() })
	return leg, nil
}

// Dialled is the number that a target calls, and whether that is in the public network. public reports a SIP URI that
// leads there; nil: none does.
func Dialled(
	ctx context.Context, to interpreter.Target, public func(ctx context.Context, uri string) bool,
) (number string, is bool) {
	if to.Number != "" {
		return to.Number, true
	}
	text := strings.TrimSpace(to.URI)
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "client:") {
		return "", false // a page of a browser
	}
	if !strings.HasPrefix(lower, "sip:") && !strings.HasPrefix(lower, "sips:") && !strings.Contains(text, "@") {
		return strings.TrimPrefix(lower, "tel:"), true
	}
	if to.Trunk == "" && (public == nil || !public(ctx, text)) {
		return "", false
	}
	_, rest, ok := strings.Cut(text, ":")
	if !ok || !strings.HasPrefix(lower, "sip") {
		rest = text
	}
	user, _, _ := strings.Cut(rest, "@")
	user, _, _ = strings.Cut(user, ";")
	return user, true
}

// present checks the caller id, and puts the account's own in place of one that may not be shown.
func (g *Guard) present(r Rules, to *interpreter.Target, o *interpreter.DialOptions) error {
	shown := &o.From
	if to.From != (interpreter.Address{}) {
		shown = &to.From
	}
	instead, ok := r.caller(*shown, o.Caller)
	switch {
	case ok:
		return nil
	case instead == "":
		return g.refuse(*o, 403, interpreter.Fault{Code: CodeCallerID,
			Msg: fmt.Sprintf("caller id %.40q is not one of the account", shown.User)})
	}
	g.tell(*o, interpreter.EvWarning, interpreter.Fault{Code: CodeCallerID,
		Msg: fmt.Sprintf("caller id %.40q is not one of the account; %s is shown", shown.User, instead)})
	*shown = interpreter.Address{User: instead}
	return nil
}

// refuse makes the error of a refusal, and tells the trace and the log.
func (g *Guard) refuse(o interpreter.DialOptions, code int, f interpreter.Fault) error {
	g.refused.Add(1)
	g.tell(o, interpreter.EvFault, f)
	g.alarm(o.Account, f)
	return &interpreter.DialError{Status: interpreter.StatusFailed, Code: code, Cause: "OUTGOING_CALL_BARRED",
		Reason: f.Msg, Fault: f.Code}
}

func (g *Guard) tell(o interpreter.DialOptions, kind string, f interpreter.Fault) {
	if o.Emit != nil {
		o.Emit(interpreter.Event{Time: time.Now(), Lane: interpreter.LaneFlow, Kind: kind, Text: f.Error(), Fault: f.Code})
	}
}

// alarm logs a refusal, one line a minute for each account and code.
func (g *Guard) alarm(id string, f interpreter.Fault) {
	now := time.Now()
	g.mu.Lock()
	a := g.account(id)
	key := fmt.Sprint(f.Code)
	last, known := a.alarmed[key]
	again := !known || now.Sub(last) >= quiet
	if again {
		a.alarmed[key] = now
	}
	g.mu.Unlock()
	if again && g.Log != nil {
		g.Log.WithField("account", id).WithField("code", f.Code).Warn("outgoing call refused: " + f.Msg)
	}
}

// account finds what is counted of an account. The caller holds mu.
func (g *Guard) account(id string) *account {
	if g.accounts == nil {
		g.accounts = make(map[string]*account)
	}
	a := g.accounts[id]
	if a != nil {
		return a
	}
	if len(g.accounts) >= maxAccounts {
		for k, old := range g.accounts {
			if old.calls == 0 && old.spoken == 0 {
				delete(g.accounts, k)
			}
		}
	}
	a = &account{prefixes: make(map[string][]time.Time), running: make(map[*time.Time]struct{}),
		alarmed: make(map[string]time.Time)}
	g.accounts[id] = a
	return a
}

// enter counts a call in, or says which limit is reached. done counts it out.
func (g *Guard) enter(r Rules, id, prefix string) (done func(), limit string) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(id)
	a.started = recent(a.started, now)
	for p, list := range a.prefixes {
		if list = recent(list, now); len(list) == 0 {
			delete(a.prefixes, p)
		} else {
			a.prefixes[p] = list
		}
	}
	if _, known := a.prefixes[prefix]; !known && len(a.prefixes) >= maxPrefixes {
		prefix = "rest"
	}
	switch {
	case over(a.calls, r.Calls, defaultCalls):
		return nil, fmt.Sprintf("%d outgoing calls are up, more are not allowed (setting calls)", a.calls)
	case over(len(a.started), r.PerMinute, defaultPerMinute):
		return nil, fmt.Sprintf("%d outgoing calls within a minute, more are not allowed (setting per_minute)",
			len(a.started))
	case over(len(a.prefixes[prefix]), r.PrefixPerMin, defaultPrefix):
		return nil, fmt.Sprintf("%d calls to numbers like %s… within a minute, more are not allowed (setting "+
			"prefix_per_minute)", len(a.prefixes[prefix]), prefix)
	case r.TimePerDay > 0 && a.today(now) >= r.TimePerDay:
		return nil, fmt.Sprintf("the conversations of today have reached %v (setting time_per_day)", r.TimePerDay)
	}
	a.calls++
	a.started = append(a.started, now)
	a.prefixes[prefix] = append(a.prefixes[prefix], now)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		a.calls--
	}, ""
}

func over(n, limit, byDefault int) bool {
	if limit == 0 {
		limit = byDefault
	}
	return limit > 0 && n >= limit
}

// recent drops what is older than a minute.
func recent(list []time.Time, now time.Time) []time.Time {
	i := 0
	for i < len(list) && now.Sub(list[i]) >= time.Minute {
		i++
	}
	return list[i:]
}

// today is how long the account has spoken on this day, running conversations included.
func (a *account) today(now time.Time) time.Duration {
	if day := now.UTC().Format(time.DateOnly); day != a.day {
		a.day, a.spoken = day, 0
	}
	sum := a.spoken
	for from := range a.running {
		sum += now.Sub(*from)
	}
	return sum
}

// speaking counts a conversation until stop.
func (g *Guard) speaking(id string, from *time.Time) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(id)
	a.running[from] = struct{}{}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(a.running, from)
		now := time.Now()
		a.today(now)
		a.spoken += now.Sub(*from)
	}
}

var _ interpreter.Lines = (*Guard)(nil)

// Kinds reads the names of kinds.
func Kinds(names []string) []number.Kind {
	var list []number.Kind
	for _, n := range names {
		list = append(list, number.Kind(n))
	}
	return list
}
