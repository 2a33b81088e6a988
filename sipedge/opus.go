package sipedge

// opusName is Opus as descriptions are compared: RFC 7587 §4.1 asks for opus/48000/2 whatever is sent.
const opusName = "OPUS"

// eventsOfOpus takes key events at 8 kHz where the codec is Opus and none at its own clock were offered: RFC 4733 §2.1
// wants one clock for both, yet phones send them so, with timestamps of the sound.
func (s *Session) eventsOfOpus(theirs []payload, reply *mediaLine) {
	if s.Codec != opusName || s.SendEvents != noPayload {
		return
	}
	for _, p := range theirs {
		if p.name == telephoneEvent && p.clock == 8000 {
			s.SendEvents, s.RecvEvents, s.EventClock = int(p.number), int(p.number), p.clock
			reply.payloads = append(reply.payloads, p)
			return
		}
	}
}
