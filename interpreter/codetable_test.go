package interpreter_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pintle/interpreter"
)

// A number that the code raises and the table does not explain would leave its reader alone.
func TestEveryCodeIsExplained(t *testing.T) {
	known := map[int]bool{}
	for _, c := range interpreter.Codes() {
		if known[c.Code] {
			t.Errorf("code %d stands twice in the table", c.Code)
		}
		known[c.Code] = true
		if c.Title == "" || !strings.HasSuffix(c.Advice, ".") {
			t.Errorf("code %d: title %q, advice %q: want a title and a sentence", c.Code, c.Title, c.Advice)
		}
	}
	constant := regexp.MustCompile(`(?m)\bcode[A-Z]\w*\s*=\s*(\d{5})\b|\bCode[A-Z]?\w*\s*[=:]\s*(\d{5})\b`)
	root := ".."
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range constant.FindAllStringSubmatch(string(src), -1) {
			n, _ := strconv.Atoi(m[1] + m[2])
			if !known[n] {
				t.Errorf("%s raises %d, which the table of codes does not explain", path, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
