package account

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
)

// Kind is the type of an object, in the words of Kazoo.
type Kind string

// The kinds.
const (
	KindAccount         Kind = "account"
	KindUser            Kind = "user"
	KindDevice          Kind = "device"
	KindGroup           Kind = "group"
	KindCallflow        Kind = "callflow"
	KindMenu            Kind = "menu"
	KindMailbox         Kind = "vmbox"
	KindConference      Kind = "conference"
	KindDirectory       Kind = "directory"
	KindFaxbox          Kind = "faxbox"
	KindTemporalRule    Kind = "temporal_rule"
	KindTemporalRuleSet Kind = "temporal_rule_set"
	KindMedia           Kind = "media"
	KindList            Kind = "list"
	KindQueue           Kind = "queue"
	KindResource        Kind = "resource"
	KindNumber          Kind = "phone_number"
)

// Object is one object of an account, always a pointer to one of the types of this package. An object that a View has
// handed out must not be changed.
type Object interface {
	// About is what all objects have.
	About() *Base
	// Kind works on a nil pointer.
	Kind() Kind
	// Label is what people call it.
	Label() string
	// natural is what tells it from others of its kind when it has no id.
	natural() string
	// check looks for what no rule of a single field can say.
	check(d *decoder)
}

// Base is what all objects have.
type Base struct {
	ID      string `json:"id" key:"id"` // 32 lower-case hex digits
	Key     string `json:"-"`           // id as it was written, when it is a readable name
	Account string `json:"-"`           // id of the account; empty for what belongs to the operator
	Origin  Origin `json:"-"`
}

// About is itself.
func (b *Base) About() *Base { return b }

func (b *Base) check(*decoder) {}

// Origin says where an object was written down.
type Origin struct {
	File string // empty: it was made while the engine ran
	Line int
}

// ReadOnly tells whether the object comes from a file: REST may not replace or delete it.
func (o Origin) ReadOnly() bool { return o.File != "" }

// hexID is the form of ids in Kazoo.
var hexID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Bare makes an id of a readable name: the same name in the same account and kind always gets the same id. An id that
// has 32 hex digits already is kept.
func Bare(account string, k Kind, key string) string {
	if hexID.MatchString(key) {
		return key
	}
	sum := sha256.Sum256([]byte(account + "\x00" + string(k) + "\x00" + key))
	return hex.EncodeToString(sum[:16])
}

// collection is the key under which objects of a kind stand in a file, and how one is made.
type collection struct {
	key  string
	kind Kind
	make func() Object
}

// collections is the table of all kinds, in the order in which they are read.
var collections = []collection{
	{"users", KindUser, func() Object { return new(User) }},
	{"devices", KindDevice, func() Object { return new(Device) }},
	{"groups", KindGroup, func() Object { return new(Group) }},
	{"callflows", KindCallflow, func() Object { return new(Callflow) }},
	{"menus", KindMenu, func() Object { return new(Menu) }},
	{"vmboxes", KindMailbox, func() Object { return new(Mailbox) }},
	{"conferences", KindConference, func() Object { return new(Conference) }},
	{"directories", KindDirectory, func() Object { return new(Directory) }},
	{"faxboxes", KindFaxbox, func() Object { return new(Faxbox) }},
	{"temporal_rules", KindTemporalRule, func() Object { return new(TemporalRule) }},
	{"temporal_rules_sets", KindTemporalRuleSet, func() Object { return new(TemporalRuleSet) }},
	{"media", KindMedia, func() Object { return new(Media) }},
	{"lists", KindList, func() Object { return new(List) }},
	{"queues", KindQueue, func() Object { return new(Queue) }},
	{"resources", KindResource, func() Object { return new(Resource) }},
	{"phone_numbers", KindNumber, func() Object { return new(Number) }},
}

func collectionOf(k Kind) (collection, bool) {
	for _, c := range collections {
		if c.kind == k {
			return c, true
		}
	}
	return collection{}, false
}

// String is "file:line".
func (o Origin) String() string {
	if o.File == "" {
		return "the store"
	}
	return o.File + ":" + itoa(o.Line)
}

func itoa(n int) string { return strconv.Itoa(n) }
