package kazoo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"pintle/fixtures"
	"pintle/interpreter"
	"pintle/verbs/kazoo"
	"pintle/verbs/twiml"
)

// dialects of a scenario; its file directory.json is what ids mean.
func dialects(s *fixtures.Scenario) (interpreter.Dialects, error) {
	var o kazoo.Options
	if b, ok := s.Files["directory.json"]; ok {
		var d kazoo.Static
		if err := json.Unmarshal(b, &d); err != nil {
			return nil, fmt.Errorf("directory.json: %w", err)
		}
		o.Directory = d
	}
	var err error
	if o.Book, err = s.Book(context.Background()); err != nil {
		return nil, err
	}
	return interpreter.Dialects{twiml.New(twiml.Options{}), kazoo.New(o)}, nil
}

func TestFixtures(t *testing.T) {
	fixtures.Run(t, "../../fixtures/kazoo", fixtures.Options{Dialects: dialects})
}
