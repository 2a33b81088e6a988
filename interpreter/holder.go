package interpreter

import (
	"context"
	"fmt"
)

// Holder is a Leg that can be put on hold and that can change what it speaks while the call runs. All three wait until
// the far end has agreed, glare and its back-off included, or has refused, which is a *ChangeError; when ctx ends first
// they return its cause and the change may still come about. A leg that is not answered gives ErrUnsupported.
type Holder interface {
	// Hold tells the far end that it is not heard any more; what is played to it goes on. A leg on hold stays so and
	// gets nil.
	Hold(ctx context.Context) error
	// Resume ends Hold.
	Resume(ctx context.Context) error
	// Renegotiate offers codecs by their encoding names, best first.
	Renegotiate(ctx context.Context, codecs []string) error
}

// ChangeError says that the far end refused to change the call, which goes on as it was.
type ChangeError struct {
	Code   int    // SIP code of the refusal
	Reason string // in the words of the far end
}

// Error is code and reason.
func (e *ChangeError) Error() string {
	return fmt.Sprintf("the far end refused: %d %s", e.Code, e.Reason)
}
