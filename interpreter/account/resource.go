package account

import (
	"encoding/json"
	"regexp"
)

// Resource is a carrier: of the operator, or an account's own.
type Resource struct {
	Base
	Name            string                `json:"name" rule:"required len=1..128 is=line"`
	Enabled         bool                  `json:"enabled" rule:"default=true"`
	Gateways        []Gateway             `json:"gateways" rule:"required count=1..100"`
	GatewayStrategy string                `json:"gateway_strategy,omitempty" rule:"in=sequential|random"`
	Rules           []string              `json:"rules,omitempty" rule:"each.is=regexp each.len=1..512"`
	RulesTest       []string              `json:"rules_test,omitempty" rule:"each.is=regexp each.len=1..512"`
	Classifiers     map[string]Classifier `json:"classifiers,omitempty"`
	CIDRules        []string              `json:"cid_rules,omitempty" rule:"each.is=regexp each.len=1..512"`
	Flags           []string              `json:"flags,omitempty" rule:"each.len=1..128"`
	RequireFlags    bool                  `json:"require_flags,omitempty"`
	IgnoreFlags     bool                  `json:"ignore_flags,omitempty"`
	Emergency       bool                  `json:"emergency" rule:"default=false"`
	WeightCost      int                   `json:"weight_cost" rule:"range=0..100 default=50"` // low first
	GracePeriod     int                   `json:"grace_period" rule:"range=1..20 default=5"`  // read, without effect
	CallerIDOptions *ResourceCallerID     `json:"caller_id_options,omitempty"`
	FormatFromURI   *bool                 `json:"format_from_uri,omitempty"`
	FromURIRealm    string                `json:"from_uri_realm,omitempty" rule:"is=realm"`
	FromAccount     bool                  `json:"from_account_realm,omitempty"`
	Formatters      json.RawMessage       `json:"formatters,omitempty"`
	Media           *EndpointMedia        `json:"media,omitempty"`
	Blacklist       string                `json:"flat_rate_blacklist,omitempty"` // read, without effect
	Whitelist       string                `json:"flat_rate_whitelist,omitempty"` // read, without effect

	rules, cidRules []*regexp.Regexp
}

// Classifier says what a carrier does with a class of numbers.
type Classifier struct {
	Enabled    bool   `json:"enabled" rule:"default=true"`
	Prefix     string `json:"prefix,omitempty" rule:"len=0..64 is=line"`
	Suffix     string `json:"suffix,omitempty" rule:"len=0..64 is=line"`
	Regex      string `json:"regex,omitempty" rule:"is=regexp"`
	WeightCost *int   `json:"weight_cost,omitempty" rule:"range=0..100"`
	Emergency  bool   `json:"emergency" rule:"default=false"`
}

// ResourceCallerID chooses which caller id a carrier is told.
type ResourceCallerID struct {
	Type string `json:"type,omitempty" rule:"in=internal|external|emergency"`
}

// Gateway is one peer of a carrier.
type Gateway struct {
	Server          string        `json:"server" rule:"required len=1..128 is=line"` // host
	Port            int           `json:"port" rule:"range=1..65535 default=5060"`
	Realm           string        `json:"realm,omitempty" rule:"len=0..64 is=line"`
	Username        string        `json:"username,omitempty" rule:"len=0..32 is=line"`
	Password        Secret        `json:"-" key:"password" rule:"len=0..32"`
	Prefix          string        `json:"prefix,omitempty" rule:"len=0..64 is=line"`
	Suffix          string        `json:"suffix,omitempty" rule:"len=0..64 is=line"`
	InviteFormat    string        `json:"invite_format" rule:"in=route|username|e164|npan|1npan|strip_plus default=route"`
	Route           string        `json:"route,omitempty" rule:"len=0..256 is=line"`
	Codecs          []string      `json:"codecs,omitempty" rule:"unique each.in=G729|PCMU|PCMA|G722_16|G722_32|CELT_48|CELT_64|Speex|GSM|OPUS|G722|H261|H263|H264|VP8"` //nolint:lll // one list
	Enabled         bool          `json:"enabled" rule:"default=true"`
	ProgressTimeout *int          `json:"progress_timeout,omitempty" rule:"range=1..120"` // seconds
	CallerIDType    string        `json:"caller_id_type,omitempty" rule:"in=internal|external|emergency"`
	Headers         *SIPHeaders   `json:"custom_sip_headers,omitempty"`
	FormatFromURI   *bool         `json:"format_from_uri,omitempty"`
	FromURIRealm    string        `json:"from_uri_realm,omitempty" rule:"is=realm"`
	Media           *GatewayMedia `json:"media,omitempty"`
	EndpointType    string        `json:"endpoint_type" rule:"in=sip default=sip"`

	// Ours: we log in to the gateway, it is trusted with the identity of callers, and how many calls go each way at once.
	Register bool `json:"register,omitempty"`
	Trusted  bool `json:"trusted,omitempty"`
	Inbound  int  `json:"inbound_calls,omitempty" rule:"range=0..100000"`
	Outbound int  `json:"outbound_calls,omitempty" rule:"range=0..100000"`

	BypassMedia      *bool           `json:"bypass_media,omitempty"` // read, without effect, like those below
	ChannelSelection string          `json:"channel_selection,omitempty" rule:"in=ascending|descending"`
	Interface        string          `json:"custom_sip_interface,omitempty"`
	ForcePort        bool            `json:"force_port,omitempty"`
	Parameters       json.RawMessage `json:"invite_parameters,omitempty"`
	Span             string          `json:"span,omitempty"`
	SkypeInterface   string          `json:"skype_interface,omitempty"`
	SkypeRR          *bool           `json:"skype_rr,omitempty"`
}

// GatewayMedia is what the peer can do.
type GatewayMedia struct {
	FaxOption *bool `json:"fax_option,omitempty"`
	RTCPMux   *bool `json:"rtcp_mux,omitempty"`
}

// Kind is resource.
func (*Resource) Kind() Kind { return KindResource }

// Label is the name.
func (r *Resource) Label() string { return r.Name }

func (r *Resource) natural() string { return r.Name }

func (r *Resource) check(*decoder) {
	compile := func(list []string) (all []*regexp.Regexp) {
		for _, s := range list {
			if re, err := regexp.Compile(s); err == nil {
				all = append(all, re)
			}
		}
		return all
	}
	r.rules, r.cidRules = compile(r.Rules), compile(r.CIDRules)
}

// CompiledRules are Rules, ready to match, in stored order.
func (r *Resource) CompiledRules() []*regexp.Regexp { return r.rules }

// CompiledCIDRules are CIDRules, ready to match, in stored order.
func (r *Resource) CompiledCIDRules() []*regexp.Regexp { return r.cidRules }

// secret tells whether the resource holds a password, which only a file may.
func (r *Resource) secret() bool {
	for _, g := range r.Gateways {
		if g.Password != "" {
			return true
		}
	}
	return false
}
