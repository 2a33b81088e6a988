package kazoo

import (
	"context"
	"slices"
	"time"

	"pintle/interpreter"
)

// kindDebug are the exchanges of calls whose pivot asked for debug, and of the others those whose answer was no
// document; a record lives as long as Kazoo's monthly store.
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

	unread bool // the answer was no document
}

// keepExchanges writes what the call exchanged with its servers when its leg is over, once.
func (s *state) keepExchanges(c *interpreter.Call) {
	if s.keeps {
		return
	}
	s.keeps = true
	c.AfterHangup(func(ctx context.Context) {
		list := exchanges(c.Events(0))
		if !s.debug {
			list = slices.DeleteFunc(list, func(x exchange) bool { return !x.unread })
		}
		if len(list) == 0 {
			return
		}
		id := c.Leg.Info().CallID
		if id == "" {
			id = c.ID
		}
		if err := c.Records.Put(ctx, kindDebug, id, list, debugKept); err != nil {
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
				x := &list[len(list)-1]
				x.Errors = append(x.Errors, e.Text)
				x.unread = x.unread || unreadable(e.Fault)
			}
		}
	}
	return list
}

// unreadable tells whether a code says that an answer was no document.
func unreadable(code int) bool {
	return code == interpreter.CodeParse || code == interpreter.CodeRoot || code == interpreter.CodeContentType
}
