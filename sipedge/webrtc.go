package sipedge

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"
)

// describeTime bounds what a media engine may take to make a description: it gathers candidates on this machine alone.
const describeTime = 5 * time.Second

var errNoWebRTC = sdpError("media of browsers is not configured")

// WebRTCAudio is the audio half of a leg whose far end is a browser. ICE, DTLS and the payloads are the affair of the
// media engine, which writes and reads the session descriptions itself. An error of these three refuses the offer or
// the answer with 488; its text is told to the peer in Warning, so it must hold nothing secret.
//
// Update is called with an empty Session when what was agreed becomes live: with 183, with 200, or when the answer has
// come. Local is not asked.
type WebRTCAudio interface {
	Audio
	// Offer makes our description, candidates included, for an INVITE of ours or one that brought none. Called again
	// within the same call it is the offer of a re-INVITE.
	Offer(ctx context.Context) ([]byte, error)
	// Answer reads the offer of the browser, the first or a later one, and makes our answer, candidates included.
	Answer(ctx context.Context, offer []byte) ([]byte, error)
	// Accept reads the answer to what Offer made last; it is called once for each text.
	Accept(ctx context.Context, answer []byte) error
}

// OpenWebRTC opens the audio half of a leg to a browser; like OpenAudio otherwise.
type OpenWebRTC func(o AudioOptions) (WebRTCAudio, error)

// negotiation is the offer/answer exchange of one dialog (RFC 3264), seen from the dialog's goroutine. Nothing changes
// when there is an error, which wraps errSDP where the peer's description is at fault.
type negotiation interface {
	offer() ([]byte, error)
	answer(offer []byte) ([]byte, Session, error)
	accept(answer []byte) (Session, error)
	agreed() Session
}

// delegated lets the media engine negotiate.
type delegated struct {
	ctx   context.Context //nolint:containedctx // of the dialog
	audio WebRTCAudio
	last  []byte // answer of the peer that was accepted
}

var _ negotiation = (*delegated)(nil)

func (n *delegated) offer() ([]byte, error) {
	ctx, cancel := context.WithTimeout(n.ctx, describeTime)
	defer cancel()
	n.last = nil
	return n.audio.Offer(ctx)
}

func (n *delegated) answer(offer []byte) ([]byte, Session, error) {
	if len(offer) > maxSDP {
		return nil, Session{}, sdpError("larger than %d octets", maxSDP)
	}
	ctx, cancel := context.WithTimeout(n.ctx, describeTime)
	defer cancel()
	answer, err := n.audio.Answer(ctx, offer)
	return answer, Session{}, describeFault(err)
}

func (n *delegated) accept(answer []byte) (Session, error) {
	if len(answer) > maxSDP {
		return Session{}, sdpError("larger than %d octets", maxSDP)
	}
	if n.last != nil && bytes.Equal(n.last, answer) {
		return Session{}, nil // the 200 repeats what an 18x has said
	}
	ctx, cancel := context.WithTimeout(n.ctx, describeTime)
	defer cancel()
	if err := n.audio.Accept(ctx, answer); err != nil {
		return Session{}, describeFault(err)
	}
	n.last = bytes.Clone(answer)
	return Session{}, nil
}

func (*delegated) agreed() Session { return Session{} }

func describeFault(err error) error {
	if err == nil || errors.Is(err, errSDP) {
		return err
	}
	return sdpError("%s", shorten(err.Error()))
}

// wantsWebRTC reports an INVITE for which our own RTP will not do: its offer speaks of ICE and DTLS in the profile of
// browsers, or it has none and comes by WebSocket, where nobody else lives.
func wantsWebRTC(req *sip.Request) bool {
	body, err := sessionBody(contentType(req), req.Body())
	if errors.Is(err, errBodyless) {
		return overWebSocket(req.Transport())
	}
	return err == nil && browserSDP(body)
}

// browserSDP looks for the marks of RFC 8829 without parsing: the media engine will.
func browserSDP(body []byte) bool {
	return bytes.Contains(body, []byte("UDP/TLS/RTP/SAVPF")) && bytes.Contains(body, []byte("a=ice-ufrag:"))
}

func overWebSocket(network string) bool {
	switch network {
	case "WS", "WSS", "ws", "wss":
		return true
	}
	return false
}

// openAudio opens the audio half that the far end needs, and what negotiates for it.
func (e *Edge) openAudio(d *dialog, l *Leg, browser bool) (Audio, negotiation, error) {
	o := AudioOptions{LegID: l.info.ID, Gone: l.mediaGone}
	if browser {
		if e.cfg.WebRTC == nil {
			return nil, nil, errNoWebRTC
		}
		a, err := e.cfg.WebRTC(o)
		if err != nil {
			return nil, nil, err
		}
		return a, &delegated{ctx: d.ctx, audio: a}, nil
	}
	a, err := e.cfg.Audio(o)
	if err != nil {
		return nil, nil, err
	}
	return a, e.negotiatorFor(d, l, a), nil
}
