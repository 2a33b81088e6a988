package verbs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"pintle/interpreter"
	"pintle/interpreter/account"
	"pintle/interpreter/number"
)

// GatewayTrunk is the id of the trunk that calls take through a resource's gateway, counted from 0.
func GatewayTrunk(r *account.Resource, i int) string { return fmt.Sprintf("res/%s/%d", r.ID, i) }

// ResourceCarrier makes what is needed to choose an account object as a carrier; false: it is switched off.
func ResourceCarrier(r *account.Resource) (Carrier, bool) {
	c := Carrier{ID: r.Name, Random: r.GatewayStrategy == "random", Rules: r.CompiledRules(),
		Callers: r.CompiledCIDRules(), Flags: r.Flags, RequireFlags: r.RequireFlags, IgnoreFlags: r.IgnoreFlags,
		Weight: max(r.WeightCost, 1), Emergency: r.Emergency}
	for i, g := range r.Gateways {
		c.Gateways = append(c.Gateways, resourceGateway(r, &g, GatewayTrunk(r, i)))
	}
	if len(r.Classifiers) > 0 {
		c.Classes = make(map[string]CarrierClass, len(r.Classifiers))
	}
	for name, class := range r.Classifiers {
		k := CarrierClass{Off: !class.Enabled, Prefix: class.Prefix, Suffix: class.Suffix, Emergency: class.Emergency}
		if class.Regex != "" {
			k.Pattern, _ = regexp.Compile(class.Regex) // the loader has refused what is none
		}
		if class.WeightCost != nil {
			k.Weight = max(*class.WeightCost, 1)
		}
		c.Classes[name] = k
	}
	if len(r.Rules) == 0 && len(r.Classifiers) == 0 {
		c.Rules = []*regexp.Regexp{nothing} // without rules it takes nothing
	}
	c.Number, c.Caller = Formatters(r.Formatters)
	return c, r.Enabled
}

// nothing matches no number.
var nothing = regexp.MustCompile(`^[^\s\S]`)

// resourceGateway is one way into a resource. A route is a whole address, and a format of user name calls that user
// whatever the number.
func resourceGateway(r *account.Resource, g *account.Gateway, trunk string) Gateway {
	out := Gateway{Trunk: trunk, Prefix: g.Prefix, Suffix: g.Suffix, Off: !g.Enabled,
		CallerID: account.Attribute(g.CallerIDType)}
	if out.CallerID == "" && r.CallerIDOptions != nil {
		out.CallerID = account.Attribute(r.CallerIDOptions.Type)
	}
	switch g.InviteFormat {
	case "route":
		out.User = g.Route
		if out.User != "" && !strings.HasPrefix(strings.ToLower(out.User), "sip") {
			out.User = "sip:" + out.User
		}
	case "username":
		out.User = g.Username
	default:
		out.Format = number.Format(g.InviteFormat)
	}
	if g.ProgressTimeout != nil {
		out.Sign = time.Duration(*g.ProgressTimeout) * time.Second
	}
	return out
}

// formatter is one rule of Kazoo's formatters.
type formatter struct {
	Direction string `json:"direction"`
	Regex     string `json:"regex"`
	Prefix    string `json:"prefix"`
	Suffix    string `json:"suffix"`
	Value     string `json:"value"`
	Strip     bool   `json:"strip"`
}

// Formatters reads Kazoo's object of formatters: for each field one rule or a list of them. Those of the number that is
// called and of the number that is shown count, on the way out. Rules that cannot be read are left out.
func Formatters(raw json.RawMessage) (called, shown []Formatter) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil {
		return nil, nil
	}
	for name, body := range fields { // Kazoo writes Caller-ID-Number as well as caller_id_number
		fields[strings.ReplaceAll(strings.ToLower(name), "-", "_")] = body
	}
	read := func(names ...string) (all []Formatter) {
		for _, n := range names {
			all = append(all, formatters(fields[n])...)
		}
		return all
	}
	return read("request", "to", "to_did"), read("from", "caller_id_number", "outbound_caller_id_number")
}

func formatters(body json.RawMessage) (all []Formatter) {
	if len(body) == 0 {
		return nil
	}
	var list []formatter
	if json.Unmarshal(body, &list) != nil {
		var single formatter
		if json.Unmarshal(body, &single) != nil {
			return nil
		}
		list = []formatter{single}
	}
	for _, f := range list {
		if f.Direction == "inbound" {
			continue
		}
		one := Formatter{Strip: f.Strip, Value: f.Value, Prefix: f.Prefix, Suffix: f.Suffix}
		if f.Regex != "" {
			var err error
			if one.Pattern, err = regexp.Compile(f.Regex); err != nil {
				continue
			}
		}
		all = append(all, one)
	}
	return all
}

// CarriersOf are the carriers of resources, those that are switched off left out.
func CarriersOf(list []*account.Resource) []Carrier {
	var all []Carrier
	for _, r := range list {
		if c, on := ResourceCarrier(r); on {
			all = append(all, c)
		}
	}
	return all
}

// AddressOf makes the address that is shown of a caller id.
func AddressOf(id account.Identity) interpreter.Address {
	return interpreter.Address{Display: id.Name, User: id.Number}
}
