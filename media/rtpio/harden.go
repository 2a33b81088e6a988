package rtpio

import "pintle/media"

// Harden tells the codec which part of our packets the far end has lost lately, 0 to 1, so that it may send redundancy.
// Reports that come as RTCP on the stream itself do so by themselves.
func (s *Stream) Harden(loss float64) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if h, ok := s.out.encoder.(media.Hardener); ok {
		h.Harden(loss)
	}
}
