package verbs

import (
	"slices"

	"pintle/interpreter/number"
)

// forHelp orders the routes of an emergency number: carriers for emergencies first. When no rule lets a carrier have
// the number, carriers for emergencies get it all the same, and without any the others: a call for help does not fail
// for want of a rule.
func forHelp(routes []Route, carriers []Carrier, plan number.Plan, q CarrierRequest) []Route {
	if len(routes) == 0 {
		only := slices.ContainsFunc(carriers, func(c Carrier) bool { return c.Emergency })
		var open []Carrier
		for _, c := range carriers {
			if c.Emergency || !only {
				c.Rules, c.Classes, c.Callers, c.RequireFlags, c.IgnoreFlags = nil, nil, nil, false, true
				open = append(open, c)
			}
		}
		routes = routesOf(open, plan, q)
	}
	for i := range routes {
		routes[i].Help = true
	}
	slices.SortStableFunc(routes, func(a, b Route) int {
		switch {
		case a.Emergency == b.Emergency:
			return 0
		case a.Emergency:
			return -1
		}
		return 1
	})
	return routes
}
