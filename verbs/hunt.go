package verbs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/number"
)

// minHunt is the ring time that must be left for another carrier to be tried.
const minHunt = time.Second

// Hunting are lines that choose a carrier for every plain number, and the next one where that fails. SIP URIs, and
// targets that name their trunk, pass.
type Hunting struct {
	interpreter.Lines
	Plan number.Plan
	// Plans are how accounts read numbers; nil: all as Plan does.
	Plans func(account string) number.Plan
	// Carriers are those of an account as they are now, in lists: the first list of which one takes a number is used.
	// nil, or no carrier at all: numbers pass.
	Carriers func(account string) [][]Carrier
}

// Dial calls a number through the best carrier, and through the next one as long as Route.Hunts says so and ring time
// is left: the time of the target counts for all of them together. The error is that of the last one tried.
func (h Hunting) Dial(ctx context.Context, to interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
	var lists [][]Carrier
	if h.Carriers != nil && to.Trunk == "" && number.IsDialable(to.URI) {
		lists = slices.DeleteFunc(h.Carriers(o.Account), func(l []Carrier) bool { return len(l) == 0 })
	}
	if len(lists) == 0 {
		return h.Lines.Dial(ctx, to, o)
	}
	if h.Plans != nil {
		h.Plan = h.Plans(o.Account)
	}
	q := CarrierRequest{Caller: callerOf(to, o)}
	q.Number, q.Class = Number(h.Plan, to.URI)
	if e, ok := h.Plan.E164(q.Caller); ok {
		q.Caller = e
	}
	var routes []Route
	for _, carriers := range lists {
		more := Routes(carriers, h.Plan, q)
		if len(routes) == 0 || h.Plan.Emergency(q.Number) {
			routes = append(routes, more...) // a call for help may go every way there is
		}
	}
	return HuntRoutes(ctx, h.Lines, routes, to, o)
}

func callerOf(to interpreter.Target, o interpreter.DialOptions) string {
	if to.From.User != "" {
		return to.From.User
	}
	return o.From.User
}

// HuntRoutes calls a target over one route after the other; see Hunting.Dial. Without a route it fails with
// NO_ROUTE_DESTINATION, 404.
func HuntRoutes(
	ctx context.Context, lines interpreter.Lines, routes []Route, to interpreter.Target, o interpreter.DialOptions,
) (interpreter.Leg, error) {
	if len(routes) == 0 {
		return nil, &interpreter.DialError{Status: interpreter.StatusFailed, Code: 404, Cause: "NO_ROUTE_DESTINATION",
			Reason: "no carrier takes this number: look at the numbers of the trunks"}
	}
	limit := to.Timeout
	if limit <= 0 {
		limit = o.Timeout
	}
	began := time.Now()
	for i, r := range routes {
		t := r.Target(to)
		if limit > 0 {
			t.Timeout = limit - time.Since(began)
		}
		leg, err := lines.Dial(ctx, t, o)
		var e *interpreter.DialError
		if err == nil || ctx.Err() != nil || !errors.As(err, &e) || i == len(routes)-1 || !r.Hunts(e) ||
			limit > 0 && limit-time.Since(began) < minHunt {
			return leg, err
		}
		if o.Emit != nil {
			o.Emit(interpreter.Event{Time: time.Now(), Lane: interpreter.LaneSIP, Kind: interpreter.EvRetry, Fault: e.Fault,
				Text: fmt.Sprintf("carrier %s: %v; trying %s", r.Carrier.ID, e, routes[i+1].Carrier.ID)})
		}
	}
	return nil, ctx.Err() // not reached: the last route returns
}

// CalleeOf makes the callee that hunts over routes within a Dial: for modules that choose their carriers themselves.
// It reports false when there is no route.
func CalleeOf(routes []Route, base interpreter.Target) (Callee, bool) {
	if len(routes) == 0 {
		return Callee{}, false
	}
	c := Callee{Target: routes[0].Target(base)}
	for _, r := range routes[1:] {
		c.Others = append(c.Others, r.Target(base))
	}
	turn := -1
	c.GoOn = func(err error) bool {
		turn++
		var e *interpreter.DialError
		return errors.As(err, &e) && turn < len(routes) && routes[turn].Hunts(e)
	}
	return c, true
}
