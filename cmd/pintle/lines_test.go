package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pintle/fixtures"
	"pintle/interpreter"
)

// Of several ways to a client the first that answers wins; the others are told that it was answered elsewhere, and the
// caller hears of one ringing only.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, over := context.WithCancel(t.Context())
		defer over()
		var cause error
		late := fixtures.NewLeg(ctx, interpreter.LegInfo{ID: "late"})
		way1 := way{dial: func(ctx context.Context, _ interpreter.Target, o interpreter.DialOptions) (
			interpreter.Leg, error,
		) {
			o.Progress(interpreter.Progress{Status: interpreter.StatusRinging})
			<-ctx.Done()
			cause = context.Cause(ctx)
			return late, nil // it crossed
		}}
		first := fixtures.NewLeg(ctx, interpreter.LegInfo{ID: "first"})
		way2 := way{dial: func(_ context.Context, _ interpreter.Target, o interpreter.DialOptions) (interpreter.Leg, error) {
			o.Progress(interpreter.Progress{Status: interpreter.StatusRinging})
			time.Sleep(time.Second)
			return first, nil
		}}
		rings := 0
		leg, err := race(ctx, []way{way1, way2}, interpreter.DialOptions{
			Progress: func(interpreter.Progress) { rings++ }})
		if err != nil || leg != interpreter.Leg(first) || rings != 1 {
			t.Errorf("won %v, %v; %d rings", leg, err, rings)
		}
		if !errors.Is(cause, interpreter.ErrElsewhere) || late.Context().Err() == nil || first.Context().Err() != nil {
			t.Errorf("the other: cause %v, ended %v", cause, late.Context().Err())
		}
	})
}

// Where no way leads to the client, the most telling refusal counts.
func TestRaceFails(t *testing.T) {
	fail := func(code int) way {
		return way{dial: func(context.Context, interpreter.Target, interpreter.DialOptions) (interpreter.Leg, error) {
			return nil, &interpreter.DialError{Code: code, Unreached: code == 480}
		}}
	}
	for _, codes := range [][]int{{480, 486}, {486, 480}} {
		_, err := race(t.Context(), []way{fail(codes[0]), fail(codes[1])}, interpreter.DialOptions{})
		var d *interpreter.DialError
		if !errors.As(err, &d) || d.Code != 486 {
			t.Errorf("%v: %v", codes, err)
		}
	}
}
