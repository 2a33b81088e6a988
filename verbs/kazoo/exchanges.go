package kazoo

import (
	"context"
	"time"

	"pintle/interpreter"
)

// kindDebug are the exchanges of calls whose pivot asked for debug; a record lives as long as Kazoo's monthly store.
const (
	kindDebug = "pivot_debug"
	debugKept = 31 * 24 * time.Hour
)

// exchange is one request of a call and what came of it.
type exchange struct {
	Iteration int                       `json:"iteration"` // 1 for a pivot node's own request, then one more for each
	Created   time.Time                 `json:"created"`
	Request   interpreter.RequestData   `json:"request"`
	Response  *interpreter.ResponseData `json:"response,omitempty"` // nil: none came
	Errors    []string                  `json:"errors,omitempty"`   // of the request, of reading the answer
}

// keepExchanges writes what the call exchanged with its servers when its leg is over, once.
func keepExchanges(c *interpreter.Call) {
	s := stateOf(c)
	if s.debug {
		return
	}
	s.debug = true
	c.AfterHangup(func(ctx context.Context) {
		id := c.Leg.Info().CallID
		if id == "" {
			id = c.ID
		}
		if err := c.Records.Put(ctx, kindDebug, id, exchanges(c.Events(0)), debugKept); err != nil {
			c.Fault(&interpreter.Fault{Code: interpreter.CodeInternal, Msg: "keep the exchanges for debugging", Err: err})
		}
	})
}

// exchanges reads them off a call's trace.
func exchanges(trace []interpreter.Event) []exchange {
	var list []exchange
	n := 0
	for _, e := range trace {
		switch e.Kind {
		case interpreter.EvVerb:
			if e.Step == "pivot" {
				n = 0
			}
		case interpreter.EvRequest:
			n++
			r, _ := e.Data.(interpreter.RequestData)
			list = append(list, exchange{Iteration: n, Created: e.Time, Request: r})
		case interpreter.EvResponse:
			if r, ok := e.Data.(interpreter.ResponseData); ok && len(list) > 0 {
				list[len(list)-1].Response = &r
			}
		case interpreter.EvFault, interpreter.EvWarning:
			if len(list) > 0 {
				list[len(list)-1].Errors = append(list[len(list)-1].Errors, e.Text)
			}
		}
	}
	return list
}
