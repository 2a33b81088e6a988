package account

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// File is one file with objects.
type File struct {
	Name string
	Body []byte
	// Config marks the engine's configuration, where the objects stand under the keys accounts and resources. Any other
	// file is one account, or a list of accounts.
	Config bool
}

// Read reads the configuration and the files that belong to it: those in the folder accounts beside it, and those that
// its key accounts names. An empty name reads nothing. The error says which file cannot be read.
func Read(config string) ([]File, error) {
	if config == "" {
		return nil, nil
	}
	body, err := os.ReadFile(config)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	files := []File{{config, body, true}}
	dir := filepath.Dir(config)
	var names []string
	for _, p := range []string{"*.yaml", "*.yml"} {
		found, bad := filepath.Glob(filepath.Join(dir, "accounts", p))
		if bad != nil {
			return nil, fmt.Errorf("accounts: %w", bad)
		}
		names = append(names, found...)
	}
	for _, p := range named(body) {
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		found, bad := filepath.Glob(p)
		if bad != nil {
			return nil, fmt.Errorf("accounts: %q: %w", p, bad)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("accounts: there is no file %s", p)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if body, err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
		files = append(files, File{Name: name, Body: body})
	}
	return files, nil
}

// named are the files that the key accounts lists. A configuration that does not parse names none: loading says why.
func named(body []byte) []string {
	n, _, err := readYAML(body)
	if err != nil {
		return nil
	}
	a, _ := n.get("accounts")
	if a.shape == text {
		return []string{a.text}
	}
	var list []string
	for _, m := range a.members {
		if m.shape == text && m.name == "" {
			list = append(list, m.text)
		}
	}
	return list
}

var errNoAccount = errors.New("an account, or a list of accounts, is expected here")

// Defines tells whether a configuration has accounts.
func (f File) Defines() bool {
	n, _, err := readYAML(f.Body)
	if err != nil {
		return false
	}
	a, _ := n.get("accounts")
	return len(a.members) > 0
}
