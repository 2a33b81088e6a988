package main

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/api"
)

const (
	selfTestLife = 30 * time.Second
	maxSelfTests = 8
)

// selfTests are numbers that this engine answers for a short while, each once, by calling an address back and joining
// both calls. Only the operator can make one; nobody can guess it.
type selfTests struct {
	mu   sync.Mutex // guards made
	made map[string]selfTest
}

type selfTest struct {
	back    netip.AddrPort
	expires time.Time
}

// add makes a number that leads back to an address.
func (s *selfTests) add(back netip.AddrPort) (number string, t selfTest, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for n, old := range s.made {
		if now.After(old.expires) {
			delete(s.made, n)
		}
	}
	if len(s.made) >= maxSelfTests {
		return "", t, errors.New("too many tests at once; try again in half a minute")
	}
	if s.made == nil {
		s.made = map[string]selfTest{}
	}
	number, t = "selftest-"+interpreter.NewID(), selfTest{back: back, expires: now.Add(selfTestLife)}
	s.made[number] = t
	return number, t, nil
}

// route takes the call to a number that was made. What it runs does not go on when the address does not answer.
func (s *selfTests) route(number string) (interpreter.Start, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.made[number]
	if !ok || time.Now().After(t.expires) {
		return interpreter.Start{}, false
	}
	delete(s.made, number)
	doc := fmt.Sprintf(`<Response><Dial timeout="10" timeLimit="60"><Sip>sip:selftest@%s</Sip></Dial></Response>`, t.back)
	return interpreter.Start{Public: true, Request: interpreter.Request{Dialect: "twiml", Inline: []byte(doc)}}, true
}

// selfTest makes a number for one test call, for the API.
func (e *engine) selfTest(callBack string) (api.SelfTest, error) {
	back, err := netip.ParseAddrPort(callBack)
	if err != nil || back.Port() == 0 || !back.Addr().IsValid() || back.Addr().Zone() != "" {
		return api.SelfTest{}, errors.New("give IP:PORT of the phone that calls and is called")
	}
	number, t, err := e.router.tests.add(back)
	if err != nil {
		return api.SelfTest{}, err
	}
	return api.SelfTest{URI: "sip:" + number + "@" + reachable(e.edge.Addr().String()), Expires: t.expires.UTC()}, nil
}
