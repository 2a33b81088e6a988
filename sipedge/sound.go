package sipedge

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"pintle/interpreter"
	"pintle/media/codec"
	"pintle/media/rtpio"
	"pintle/sipedge/audio"
)

// Sound opens the audio half of legs from a factory of package audio: what cmd gives to Config.Audio.
func Sound(f *audio.Factory) OpenAudio {
	return func(o AudioOptions) (Audio, error) {
		h, err := f.Open(o.Gone)
		if err != nil {
			return nil, err
		}
		return &sound{Half: h}, nil
	}
}

// sound fits a half to what a dialog negotiates.
type sound struct{ *audio.Half }

var _ Audio = (*sound)(nil)

// Update makes a session live.
func (s *sound) Update(n Session) error {
	info, ok := codec.ByName(n.Codec, n.Clock)
	if !ok {
		return fmt.Errorf("codec %s/%d is not known", n.Codec, n.Clock)
	}
	p := rtpio.Params{Codec: info, SendType: payloadType(n.SendType), RecvType: payloadType(n.RecvType),
		EventSend: payloadType(n.SendEvents), EventRecv: payloadType(n.RecvEvents), EventRate: n.EventClock,
		Ptime: n.Ptime, Direction: mediaDirection(n), Remote: n.Remote, MuxRTCP: n.RTCPMux, Signalling: n.Signalling,
		Inband: n.RecvEvents == noPayload, Keys: n.Keys, DTLS: n.DTLS,
		Held: n.Held}
	if !n.Remote.IsValid() {
		p.Remote = netip.AddrPort{}
	}
	return s.Half.Update(p)
}

func payloadType(n int) uint8 {
	if n < 0 {
		return 0
	}
	return uint8(n)
}

func mediaDirection(n Session) rtpio.Direction {
	switch {
	case n.Send && n.Recv:
		return rtpio.SendRecv
	case n.Send:
		return rtpio.SendOnly
	case n.Recv:
		return rtpio.RecvOnly
	default:
		return rtpio.Inactive
	}
}

// Key takes a key that came by SIP INFO.
func (s *sound) Key(digit byte, held time.Duration) { s.Half.Key(digit, held) }

// AudioHalf is the half that can be joined with those of other legs.
func (s *sound) AudioHalf() *audio.Half { return s.Half }

// Join lets both parties hear each other until ctx ends.
func (s *sound) Join(ctx context.Context, other Audio, o interpreter.BridgeOptions) error {
	b := audio.HalfOf(other)
	if b == nil {
		return interpreter.ErrUnsupported
	}
	return s.Half.Join(ctx, b, o)
}
