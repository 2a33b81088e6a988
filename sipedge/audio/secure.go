package audio

import (
	"context"
	"time"

	"pintle/interpreter"
)

// keysTime is how long a prompt waits for a handshake, so that its beginning is heard.
const keysTime = 2 * time.Second

// awaitKeys waits, no longer than keysTime, until what is played can be sent.
func (h *Half) awaitKeys(ctx context.Context) error {
	waiting, stop := context.WithTimeout(ctx, keysTime)
	defer stop()
	defer context.AfterFunc(h.closing, stop)()
	if h.stream.Ready(waiting) == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return context.Cause(h.closing) // nil: the handshake takes longer, and the prompt is played all the same
}

// watchKeys tells how DTLS handshakes end. Attempts follow each other: the first failure of a row is told.
func (h *Half) watchKeys() {
	failing := false
	for {
		select {
		case s := <-h.stream.Handshakes():
			if s.Err == nil {
				failing = false
				h.milestone("DTLS handshake done, " + string(s.Suite))
				continue
			}
			if !failing {
				h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvFault,
					Fault: interpreter.CodeHandshake, Text: "DTLS handshake failed: " + s.Err.Error()})
			}
			failing = true
		case <-h.closing.Done():
			return
		}
	}
}
