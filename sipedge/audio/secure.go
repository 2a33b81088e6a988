package audio

import (
	"context"
	"time"

	"pintle/interpreter"
	"pintle/media/rtpio"
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

// keying remembers how the last handshake ended. Attempts follow each other: the first failure of a row is told.
type keying struct{ failing bool }

func (k *keying) tell(h *Half, s rtpio.Handshake) {
	switch {
	case s.Err == nil:
		h.milestone("DTLS handshake done, " + string(s.Suite))
	case !k.failing:
		h.tell(interpreter.Event{Lane: interpreter.LaneMedia, Kind: interpreter.EvFault,
			Fault: interpreter.CodeHandshake, Text: "DTLS handshake failed: " + s.Err.Error()})
	}
	k.failing = s.Err != nil
}
