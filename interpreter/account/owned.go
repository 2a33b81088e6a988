package account

import "strings"

// Owned are the numbers of the public network that belong to the account: those in service, and those that its
// callflows are for.
func (v *View) Owned() []string {
	var list []string
	seen := map[string]bool{}
	add := func(n string) {
		if !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	for n := range All[*Number](v) {
		if n.inService() {
			add(n.Number)
		}
	}
	for c := range All[*Callflow](v) {
		for _, n := range c.Numbers {
			if strings.HasPrefix(n, "+") {
				add(n)
			}
		}
	}
	return list
}
