package main

import (
	"context"

	"pintle/interpreter/api"
)

// phonesCmd lists the registered phones.
type phonesCmd struct {
	asked
	JSON bool `name:"json" help:"Print JSON."`
}

// Help shows examples.
func (phonesCmd) Help() string {
	return `Examples:
  pintle phones
  pintle phones --data /var/lib/pintle --json

Exit codes: 0 listed, 2 usage, 3 no engine answers.`
}

// Run asks the engine and prints.
func (p phonesCmd) Run(ctx context.Context) error {
	r, err := p.remote()
	if err != nil {
		return err
	}
	list, err := r.phones(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		return stdout().json(list)
	}
	stdout().phones(list)
	return nil
}

// phones asks for every page.
func (r *remote) phones(ctx context.Context) (api.PhoneList, error) {
	all := api.PhoneList{Phones: []api.Phone{}}
	for path := "/v1/phones"; path != ""; {
		var page api.PhoneList
		if err := r.get(ctx, path, &page); err != nil {
			return all, err
		}
		all.Phones, all.Total = append(all.Phones, page.Phones...), page.Total
		path = page.Next
	}
	return all, nil
}

// phones prints the table.
func (s screen) phones(list api.PhoneList) {
	if len(list.Phones) == 0 {
		s.line("No phone is registered. Give a device sip.username and sip.password in accounts, and enter the engine's " +
			"address, user name\nand password in the phone (docs/phones.md).")
		return
	}
	var rows [][]field
	users := map[string]bool{}
	for _, p := range list.Phones {
		state := field{p.State, goodMood}
		if p.Silent != nil {
			state = field{"silent for " + s.since(p.Silent), warnMood}
		} else if p.NAT {
			state.text = "ok, behind NAT"
		}
		row := words(p.User, dash(p.Device), dash(p.Address), p.Transport, "", millis(p.RTT), s.until(p.Expires),
			s.since(p.Since), dash(p.UserAgent))
		row[4] = state
		rows = append(rows, row)
		users[p.User] = true
	}
	s.table([]string{"PHONE", "DEVICE", "ADDRESS", "BY", "STATE", "ROUND TRIP", "EXPIRES IN", "SINCE", "PROGRAM"}, rows)
	s.line("%s of %s", plural(len(list.Phones), "contact"), plural(len(users), "user"))
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
