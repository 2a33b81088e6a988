package interpreter

import "strings"

// Nearest finds the known name that was probably meant: the same in other letters' case, or at most two letters away,
// the closest first. Empty: none is near.
func Nearest(name string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if strings.EqualFold(name, k) {
			return k
		}
		if d := distance(name, k); d < at && d < min(len(k), len(name)) {
			best, at = k, d
		}
	}
	return best
}

// DidYouMean is the end of a sentence that proposes the nearest name, or empty.
func DidYouMean(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// distance is the number of single-letter edits between two names (Levenshtein); names far longer than any of ours are
// infinitely far.
func distance(a, b string) int {
	const far = 64
	if len(a) > far || len(b) > far {
		return far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
