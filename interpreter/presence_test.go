package interpreter_test

import (
	"strings"
	"testing"

	"pintle/interpreter"
)

func TestEntity(t *testing.T) {
	for _, c := range []struct{ id, realm, want string }{
		{"101", "Example.COM", "101@example.com"},
		{"*3101", "example.com", "*3101@example.com"},
		{" Ann@PBX.test ", "example.com", "Ann@pbx.test"},
		{"", "example.com", ""},
		{"101", "", ""},
		{"a@b@c", "x", ""},
		{"a b", "x", ""},
		{"a\r\nb", "x", ""},
		{"<a>", "x", ""},
		{strings.Repeat("9", 300), "x", ""},
		{"\xff", "x", ""},
	} {
		got, err := interpreter.Entity(c.id, c.realm)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Entity(%q, %q) = %q, %v, want %q", c.id, c.realm, got, err, c.want)
		}
	}
}
