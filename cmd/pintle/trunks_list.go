package main

import (
	"context"
	"fmt"

	"pintle/interpreter/api"
)

// trunksCmd lists the trunks and how they are.
type trunksCmd struct {
	asked
	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (trunksCmd) Help() string {
	return `Examples:
  pintle trunks
  pintle trunks --data /var/lib/pintle --json

Exit codes: 0 listed, 2 usage, 3 no engine answers.`
}

// Run asks the engine and prints.
func (t trunksCmd) Run(ctx context.Context) error {
	r, err := t.remote()
	if err != nil {
		return err
	}
	var list api.TrunkList
	if err := r.get(ctx, "/v1/trunks", &list); err != nil {
		return err
	}
	if t.JSON {
		return stdout().json(list)
	}
	stdout().trunks(list)
	return nil
}

// trunkMoods are the colours of the states.
var trunkMoods = map[string]mood{api.TrunkUp: goodMood, api.TrunkDown: badMood, api.TrunkUnregistered: badMood,
	api.TrunkUnknown: warnMood}

// trunks prints the table, and below it why a trunk is not well.
func (s screen) trunks(list api.TrunkList) {
	if len(list.Trunks) == 0 {
		s.line("There is no trunk. Add one to the configuration, under trunks or as sip.gateway (docs/trunks.md), then " +
			"run 'pintle reload'.")
		return
	}
	var rows [][]field
	var why []string
	up := 0
	for _, t := range list.Trunks {
		if t.State == api.TrunkUp {
			up++
		}
		for i, a := range trunkAddresses(t) {
			row := make([]field, 8)
			if i == 0 {
				row = words(t.ID, "", s.registration(t), fmt.Sprint(t.In), fmt.Sprint(t.Out), "", "", "")
				row[1] = field{t.State, trunkMoods[t.State]}
			}
			row[5], row[6].text, row[7].text = addressState(a), millis(a.RTT), address(a)
			rows = append(rows, row)
			if a.Reason != "" && a.Reason != t.Error {
				why = append(why, fmt.Sprintf("%s: %s: %s", t.ID, address(a), printable(a.Reason)))
			}
		}
		if t.Error != "" {
			why = append(why, fmt.Sprintf("%s: %s (%s ago)", t.ID, printable(t.Error), s.since(t.ErrorAt)))
		}
	}
	s.table([]string{"TRUNK", "STATE", "REGISTERED", "CALLS IN", "CALLS OUT", "ANSWERS", "ROUND TRIP", "ADDRESS"}, rows)
	for _, w := range why {
		s.line("%s", s.paint(warnMood, w))
	}
	s.line("%d of %s up", up, plural(len(list.Trunks), "trunk"))
}

// trunkAddresses are those of a trunk; one that was not found yet has an empty one.
func trunkAddresses(t api.Trunk) []api.TrunkAddress {
	if len(t.Addresses) == 0 {
		return []api.TrunkAddress{{Address: t.URI + " not found yet"}}
	}
	return t.Addresses
}

func address(a api.TrunkAddress) string {
	if a.Transport == "" {
		return a.Address
	}
	return a.Address + "/" + a.Transport
}

func addressState(a api.TrunkAddress) field {
	switch {
	case a.Quarantined:
		return field{"no", badMood}
	case a.Alive:
		return field{"yes", goodMood}
	default:
		return field{"not heard", plainMood}
	}
}

func (s screen) registration(t api.Trunk) string {
	switch {
	case !t.Registers:
		return "not wanted"
	case t.Registered:
		return "for " + s.until(t.Until)
	default:
		return "no"
	}
}
