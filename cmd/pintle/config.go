package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"pintle/interpreter/webhook"
)

// config is pintle.yaml. Every field has a default; flags win over the file.
type config struct {
	SIP      sipConfig      `yaml:"sip"`
	Trunks   []trunkConfig  `yaml:"trunks"`
	TLS      tlsConfig      `yaml:"tls"`
	RTP      rtpConfig      `yaml:"rtp"`
	HTTP     httpConfig     `yaml:"http"`
	Data     string         `yaml:"data"`
	Voice    flowConfig     `yaml:"voice"`   // what every number runs that has no row below; makes all numbers public
	Number   []numConfig    `yaml:"numbers"` // what single numbers run
	Fetch    fetchConfig    `yaml:"fetch"`
	Speech   speechConfig   `yaml:"speech"`
	Kazoo    kazooConfig    `yaml:"kazoo"`
	Limits   limitConfig    `yaml:"limits"`
	Presence presenceConfig `yaml:"presence"`
	Log      logConfig      `yaml:"log"`

	Accounts  elsewhere `yaml:"accounts"`  // accounts and their objects: docs/accounts.md
	Resources elsewhere `yaml:"resources"` // carriers of the operator, as Kazoo writes them

	file       string // where it came from, for messages
	noBrowsers bool   // commands that place one call
	accounts   bool   // there are accounts
}

type sipConfig struct {
	Listen    string   `yaml:"listen"`    // IP:port, UDP and TCP
	Advertise string   `yaml:"advertise"` // host that peers are told; empty: the address listened on
	Gateway   string   `yaml:"gateway"`   // sip: URI of the trunk "default", short for a row of trunks
	Username  string   `yaml:"username"`  // digest credentials for the gateway
	Password  string   `yaml:"password"`  //
	Headers   []string `yaml:"headers"`   // headers that documents may set besides X- and User-to-User
	Allow     []string `yaml:"allow"`     // CIDR of peers that may call numbers which are not public
	Transfer  string   `yaml:"transfer"`  // whose transfers are carried out: none, devices, peers, all
	Diversion bool     `yaml:"diversion"` // carriers are told who forwarded a call (Diversion, History-Info)

	Session   sessionConfig   `yaml:"session"`
	Registrar registrarConfig `yaml:"registrar"`

	Security sipSecurity `yaml:",inline"`
}

type rtpConfig struct {
	Ports       string   `yaml:"ports"`        // 10000-29999
	Codecs      []string `yaml:"codecs"`       // of SIP legs, best first; empty: PCMU, PCMA
	BrowserPort int      `yaml:"browser_port"` // UDP, for all browsers; 0: a free one
}

type httpConfig struct {
	Listen    string `yaml:"listen"`
	PublicURL string `yaml:"public_url"`
	TLS       bool   `yaml:"tls"` // HTTPS, with the certificate of the section tls

	PhoneOrigins []string `yaml:"phone_origins"` // of pages elsewhere that may be browser phones
}

// flowConfig is what a number runs.
type flowConfig struct {
	URL            string `yaml:"url"` // URL or file
	Method         string `yaml:"method"`
	Dialect        string `yaml:"dialect"`
	Fallback       string `yaml:"fallback"` // URL, asked when a document fails; or a file, run when all else fails
	FallbackMethod string `yaml:"fallback_method"`
	Local          string `yaml:"local"`  // file of a static flow that runs when all else fails
	Static         bool   `yaml:"static"` // the document is the same for every caller: its last good answer may serve
	StatusCallback string `yaml:"status_callback"`
	StatusMethod   string `yaml:"status_callback_method"`
}

type numConfig struct {
	Number string     `yaml:"number"`
	Public bool       `yaml:"public"`
	Flow   flowConfig `yaml:",inline"`
}

type fetchConfig struct {
	AllowPrivate bool          `yaml:"allow_private"`
	Allow        []string      `yaml:"allow"` // CIDR or CIDR:port that documents may lead to although private
	Timeout      time.Duration `yaml:"timeout"`
	InsecureTLS  bool          `yaml:"insecure_tls"`

	allowLoopback bool // commands that run an application on this machine
}

type speechConfig struct {
	Apology string `yaml:"apology"` // spoken when nothing else can be run; "none" for silence
	Flite   string `yaml:"flite"`   // path of flite.wasm or flite.wasm.gz
}

// kazooConfig names objects that Kazoo documents refer to by id, until accounts hold them.
type kazooConfig struct {
	Devices   map[string]string `yaml:"devices"`   // id to SIP URI
	Users     map[string]string `yaml:"users"`     // id to SIP URI
	Callflows map[string]string `yaml:"callflows"` // id to JSON file
	Menus     map[string]string `yaml:"menus"`     // id to JSON file
	Media     map[string]string `yaml:"media"`     // id to URL
	Numbers   map[string]string `yaml:"numbers"`   // dialled number to id of a callflow
}

type limitConfig struct {
	Calls         int           `yaml:"calls"`           // at once
	NewCalls      int           `yaml:"new_calls"`       // a second, of one unknown source
	TotalNewCalls int           `yaml:"total_new_calls"` // a second, in all
	Drain         time.Duration `yaml:"drain"`
	Toll          tollConfig    `yaml:"toll"` // of calls to the public network
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"` // text, json; empty: text on a terminal
}

// Defaults that more than one place names.
const (
	defaultSIP   = "127.0.0.1:5060"
	defaultHTTP  = "127.0.0.1:8080"
	defaultPorts = "10000-29999"
	defaultData  = "pintle-data"
	defaultSorry = "An application error has occurred. Goodbye."
)

// loadConfig reads a file strictly: an unknown key is an error with its line. An empty name gives the defaults.
func loadConfig(name string) (*config, error) {
	c := &config{file: name}
	if name == "" {
		return c, nil
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, exitf(exitUsage, "configuration: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(src, c, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return nil, exitf(exitUsage, "configuration %s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return c, nil
}

// complete fills in defaults and checks every value; the error names the setting.
func (c *config) complete() error {
	set := func(p *string, d string) {
		if *p == "" {
			*p = d
		}
	}
	set(&c.SIP.Listen, defaultSIP)
	set(&c.HTTP.Listen, defaultHTTP)
	set(&c.RTP.Ports, defaultPorts)
	set(&c.Data, defaultData)
	set(&c.Speech.Apology, defaultSorry)
	set(&c.Log.Level, "info")
	if c.Limits.Drain == 0 {
		c.Limits.Drain = 300 * time.Second
	}
	var found []error
	for _, check := range []func() error{c.checkListen, c.checkPeers, c.checkSecurity, c.checkCertificates, c.checkFlows,
		c.checkFetch, c.checkRTP, c.checkKazoo, c.checkTrunks, c.checkRegistrar, c.checkAccounts, c.checkSessions} {
		if err := check(); err != nil {
			found = append(found, fmt.Errorf("configuration%s: %w", c.where(), err))
		}
	}
	if len(found) > 0 {
		return &exitError{exitUsage, errors.Join(found...)}
	}
	return nil
}

func (c *config) where() string {
	if c.file == "" {
		return ""
	}
	return " " + c.file
}

func (c *config) checkListen() error {
	for _, s := range [][3]string{{"sip", c.SIP.Listen, defaultSIP}, {"http", c.HTTP.Listen, defaultHTTP}} {
		if _, err := netip.ParseAddrPort(s[1]); err != nil {
			return fmt.Errorf("%s.listen %q: give IP:PORT, such as %s", s[0], s[1], s[2])
		}
	}
	if netip.MustParseAddrPort(c.SIP.Listen).Addr().IsUnspecified() && c.SIP.Advertise == "" {
		return fmt.Errorf("sip.listen %q: give the address of one interface, or sip.advertise, so that phones learn where "+
			"to send", c.SIP.Listen)
	}
	if c.HTTP.PublicURL != "" {
		u, err := url.Parse(c.HTTP.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("http.public_url %q: give an http or https URL", c.HTTP.PublicURL)
		}
	}
	return nil
}

func (c *config) checkFlows() error {
	flows := []flowConfig{c.Voice}
	for _, n := range c.Number {
		if n.Number == "" || n.Flow.URL == "" {
			return fmt.Errorf("numbers: each row needs number and url (number %q, url %q)", n.Number, n.Flow.URL)
		}
		flows = append(flows, n.Flow)
	}
	for _, f := range flows {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

func (f flowConfig) check() error {
	for _, m := range []string{f.Method, f.FallbackMethod, f.StatusMethod} {
		if m != "" && !strings.EqualFold(m, "GET") && !strings.EqualFold(m, "POST") {
			return fmt.Errorf("method %q: give GET or POST", m)
		}
	}
	if f.Dialect != "" && f.Dialect != "twiml" && f.Dialect != "kazoo" {
		return fmt.Errorf("dialect %q: give twiml or kazoo", f.Dialect)
	}
	for _, name := range []string{f.URL, f.Fallback, f.Local} {
		if name == "" || isURL(name) {
			continue
		}
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("%q is neither an http URL nor a readable file: %w", name, err)
		}
	}
	return nil
}

func (c *config) checkFetch() error {
	for _, a := range c.Fetch.Allow {
		if _, err := webhook.ParseAllow(a); err != nil {
			return fmt.Errorf("fetch.allow %q: give a network such as 10.1.0.0/16, or with a port 10.1.2.3:8080", a)
		}
	}
	return nil
}

func (c *config) checkKazoo() error {
	_, err := c.Kazoo.objects()
	return err
}

// ports is the range of RTP ports.
func (r rtpConfig) ports() (low, high int, err error) {
	n, err := fmt.Sscanf(r.Ports, "%d-%d", &low, &high)
	if n != 2 || err != nil || low < 1024 || high > 65535 || high-low < 3 {
		return 0, 0, fmt.Errorf("range %q", r.Ports)
	}
	return low, high, nil
}

func (c *config) checkRTP() error {
	if _, _, err := c.RTP.ports(); err != nil {
		return fmt.Errorf("rtp.ports %q: give a range such as %s", c.RTP.Ports, defaultPorts)
	}
	for i, name := range c.RTP.Codecs {
		c.RTP.Codecs[i] = strings.ToUpper(name)
		switch c.RTP.Codecs[i] {
		case "PCMU", "PCMA", "OPUS":
		default:
			return fmt.Errorf("rtp.codecs %q: give any of PCMU, PCMA and opus", name)
		}
	}
	if c.RTP.BrowserPort < 0 || c.RTP.BrowserPort > 65535 {
		return fmt.Errorf("rtp.browser_port %d: give a UDP port, or 0 for a free one", c.RTP.BrowserPort)
	}
	return nil
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// flowURL makes the URL of a flow given as a URL or a file name.
func flowURL(s string) (string, error) {
	if s == "" || isURL(s) {
		return s, nil
	}
	abs, err := filepath.Abs(s)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", Path: abs}).String(), nil
}
