package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The generated pages are in the repository; they must say what the code says.
func TestGeneratedPagesAreUpToDate(t *testing.T) {
	for name, want := range generatedPages() {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Errorf("%v: run 'make docs'", err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/%s is not what the code says; run 'make docs' (-want +got):\n%s", name, diff)
		}
	}
}
