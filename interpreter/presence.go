package interpreter

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// LampState is what a lamp shows, in the words of RFC 4235.
type LampState string

// The states of a lamp.
const (
	LampIdle    LampState = "terminated"
	LampRinging LampState = "early"
	LampBusy    LampState = "confirmed"
)

// Messages counts what waits in a mailbox (RFC 3842).
type Messages struct {
	New         int `json:"new"`
	Saved       int `json:"saved"`
	NewUrgent   int `json:"new_urgent,omitempty"`
	SavedUrgent int `json:"saved_urgent,omitempty"`
}

// Lamps shows states on phones: lamps of extensions, parking slots and features, and the waiting-message lamp. An
// entity is user@realm, see Entity. Both states survive a restart. The methods return when the state is stored; phones
// are told in the background.
type Lamps interface {
	// SetLamp shows a state that no call stands behind, until it is set again. Calls of the entity are shown besides.
	SetLamp(ctx context.Context, entity string, s LampState) error
	// SetMessages tells what waits in a mailbox.
	SetMessages(ctx context.Context, box string, m Messages) error
}

// Kinds of records of lamps.
const (
	KindLamp     = "lamp"     // a LampState other than idle, by entity
	KindMessages = "messages" // Messages, by mailbox
)

const maxEntity = 255

// Entity makes the name of what a lamp stands for: the id as it is when it has a realm, else with the realm given. The
// realm is written in lower case; the user part keeps its case.
func Entity(id, realm string) (string, error) {
	user, host, ok := strings.Cut(strings.TrimSpace(id), "@")
	if !ok {
		host = realm
	}
	e := user + "@" + strings.ToLower(host)
	if user == "" || host == "" || len(e) > maxEntity || !utf8.ValidString(e) || strings.Contains(host, "@") ||
		strings.ContainsFunc(e, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>"`, r) }) {
		return "", &Fault{Code: CodeSchema, Msg: fmt.Sprintf("presence id %.60q: user or user@realm is needed", id)}
	}
	return e, nil
}

// EvLamp is the event of a lamp that a verb set; Text says which and how.
const EvLamp = "lamp"

// SetLamp shows a state for a presence id; without a realm that of the number which was dialled is meant. A failure is
// noted in the trace and returned; the call goes on.
func (c *Call) SetLamp(ctx context.Context, id string, s LampState) error {
	entity, err := Entity(id, c.realm())
	if err == nil && c.m.cfg.Lamps != nil {
		err = c.m.cfg.Lamps.SetLamp(ctx, entity, s)
	}
	if err != nil {
		c.Fault(err)
		return err
	}
	c.Emit(Event{Lane: LaneFlow, Kind: EvLamp, Text: "lamp " + entity + " " + string(s)})
	return nil
}

// SetMessages tells what waits in a mailbox, on the same terms as SetLamp.
func (c *Call) SetMessages(ctx context.Context, box string, m Messages) error {
	entity, err := Entity(box, c.realm())
	if err == nil && c.m.cfg.Lamps != nil {
		err = c.m.cfg.Lamps.SetMessages(ctx, entity, m)
	}
	if err != nil {
		c.Fault(err)
		return err
	}
	c.Emit(Event{Lane: LaneFlow, Kind: EvLamp, Text: fmt.Sprintf("messages %s %d new, %d saved", entity, m.New, m.Saved)})
	return nil
}

// realm is the host of the number that was dialled.
func (c *Call) realm() string {
	for p := c; p != nil; p = p.Parent {
		if p.Leg == nil {
			continue
		}
		if host := p.Leg.Info().Request.Host; host != "" {
			return host
		}
	}
	return c.To.Host
}

// CallState is where a call stands now, for those who show it on lamps or pick it up.
type CallState struct {
	Call      string // id
	Parent    string // id of the call that dials it; empty on others
	Direction Direction
	From, To  Address
	Status    CallStatus
	Leg       LegInfo // zero until there is a leg
	Begun     time.Time
}

// tellState hands the call's state to who wants to know it, in order for each call.
func (c *Call) tellState() {
	if c.m.cfg.States == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	s := CallState{Call: c.ID, Direction: c.Direction, From: c.From, To: c.To, Status: c.Status(), Begun: c.begun}
	if c.Parent != nil {
		s.Parent = c.Parent.ID
	}
	if c.Leg != nil {
		s.Leg = c.Leg.Info()
	}
	c.m.cfg.States(s)
}
