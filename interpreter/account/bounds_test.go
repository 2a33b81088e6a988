package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pintle/interpreter/account"
)

// TestBombs loads files that are small and would cost much: each is refused with the reason.
func TestBombs(t *testing.T) {
	aliases := "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
	for i := 1; i < 12; i++ {
		aliases += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 5))
	}
	var wide strings.Builder
	wide.WriteString("accounts:\n  name: A\n  x-a:\n")
	for i := range 30000 {
		fmt.Fprintf(&wide, "    k%d: 1\n", i)
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"aliases of aliases": {aliases, "alias"},
		"one long text, many times": {"accounts: {name: A, x-t: &t " + strings.Repeat("b", 1<<16) +
			", x-l: [" + strings.Repeat("*t,", 1<<12) + "]}", "alias"},
		"brackets":            {"a: " + strings.Repeat("[", 5000), "nested deeper"},
		"indentation":         {"a:\n" + strings.Repeat("- ", 5000) + "b", "nested deeper"},
		"keys":                {wide.String(), "keys stand under each other"},
		"an anchor in itself": {"a: &a [*a]", "nested deeper"},
		"patterns": {"accounts: {name: A, callflows: [{flow: {module: a}, patterns: ['" +
			strings.Repeat(".{1000}", 60) + "']}]}", "repeats too much"},
	} {
		err := account.Check(file(c.yaml))
		var p account.Problems
		if !errors.As(err, &p) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want something about %q", name, err, c.want)
		}
	}
}

// TestManyMistakes loads a file that is all mistakes: some are told, and that there are more.
func TestManyMistakes(t *testing.T) {
	var b strings.Builder
	b.WriteString("accounts:\n  name: A\n  users:\n    u:\n      first_name: U\n      last_name: V\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "      nonsense%d: 1\n", i)
	}
	_, err := account.Open(context.Background(), nil, file(b.String()))
	var p account.Problems
	if !errors.As(err, &p) || len(p) < 50 || len(p) > 200 || !strings.Contains(err.Error(), "more") {
		t.Errorf("%d problems are kept", len(p))
	}
}

// TestWideList loads a list whose items have more keys together than one object may have.
func TestWideList(t *testing.T) {
	var b strings.Builder
	b.WriteString("accounts:\n  name: A\n  devices:\n")
	for i := range 8000 {
		fmt.Fprintf(&b, "  - name: d%d\n    sip:\n      username: d%d\n    enabled: true\n", i, i)
	}
	if err := account.Check(file(b.String())); err != nil {
		t.Error(err)
	}
}
