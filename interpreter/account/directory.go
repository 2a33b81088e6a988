package account

// Directory finds users by their names on the keypad. Its users are those whose directories name it.
type Directory struct {
	Base
	Name         string   `json:"name" rule:"required len=1..128 is=line"`
	ConfirmMatch bool     `json:"confirm_match" rule:"default=false rest=true"`
	MinDTMF      int      `json:"min_dtmf" rule:"range=1..100 default=3"`
	MaxDTMF      int      `json:"max_dtmf" rule:"range=0..100 default=0"` // 0: no limit
	SearchFields string   `json:"search_fields,omitempty" rule:"in=first_name|last_name|both default=both"`
	SortBy       string   `json:"sort_by" rule:"in=first_name|last_name default=last_name"`
	Flags        []string `json:"flags,omitempty" rule:"each.len=1..128"`
	Users        []string `json:"users,omitempty" rule:"each.len=1..64"` // read; the users' own directories count
}

// Kind is directory.
func (*Directory) Kind() Kind { return KindDirectory }

// Label is the name.
func (v *Directory) Label() string { return v.Name }

func (v *Directory) natural() string { return v.Name }
