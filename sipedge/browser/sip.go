package browser

import (
	"context"

	"pintle/interpreter"
	"pintle/sipedge"
	"pintle/sipedge/audio"
)

// ForSIP opens media for browsers that are signalled by SIP over WebSocket (RFC 7118): what cmd gives to
// sipedge.Config.WebRTC.
func (e *Engine) ForSIP() sipedge.OpenWebRTC {
	return func(o sipedge.AudioOptions) (sipedge.WebRTCAudio, error) {
		p, err := e.open(o.Gone)
		if err != nil {
			return nil, err
		}
		return &sipAudio{p}, nil
	}
}

// sipAudio fits a peer to a dialog.
type sipAudio struct{ *peer }

var (
	_ sipedge.WebRTCAudio = (*sipAudio)(nil)
	_ audio.Halved        = (*sipAudio)(nil)
)

// Offer makes our description, candidates included.
func (s *sipAudio) Offer(ctx context.Context) ([]byte, error) {
	text, err := s.offer(ctx)
	return []byte(text), err
}

// Answer reads the browser's offer and makes our answer.
func (s *sipAudio) Answer(ctx context.Context, offer []byte) ([]byte, error) {
	text, err := s.answer(ctx, string(offer))
	return []byte(text), err
}

// Accept reads the browser's answer.
func (s *sipAudio) Accept(_ context.Context, answer []byte) error { return s.accept(string(answer)) }

// Update does nothing: sound passes as soon as ICE and DTLS have come to an end.
func (*sipAudio) Update(sipedge.Session) error { return nil }

// Play waits until sound passes, else the browser would miss the beginning. It is otherwise that of the half.
func (s *sipAudio) Play(ctx context.Context, p interpreter.Prompt) error {
	if err := s.ready(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return &interpreter.Fault{Code: interpreter.CodeMedia, Msg: "play to a browser", Err: err}
	}
	return s.Half.Play(ctx, p)
}

// AudioHalf is the half that is joined with those of other legs.
func (s *sipAudio) AudioHalf() *audio.Half { return s.Half }

// Join lets both parties hear each other until ctx ends.
func (s *sipAudio) Join(ctx context.Context, other sipedge.Audio, o interpreter.BridgeOptions) error {
	h := audio.HalfOf(other)
	if h == nil {
		return interpreter.ErrUnsupported
	}
	return s.Half.Join(ctx, h, o)
}
