package twiml_test

import (
	"testing"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/verbs/twiml"
)

// dialects makes TwiML with the options that the scenario's config names.
func dialects(s *fixtures.Scenario) (interpreter.Dialects, error) {
	o := twiml.Options{TypeAhead: s.Config.Options["type-ahead"] == "yes"}
	if mine := s.Config.Options["numbers"]; mine != "" {
		o.MayPresent = func(n string) bool { return n == mine }
	}
	return interpreter.Dialects{twiml.New(o)}, nil
}

func TestScenarios(t *testing.T) {
	fixtures.Run(t, "../../fixtures/twiml", fixtures.Options{Dialects: dialects})
}
