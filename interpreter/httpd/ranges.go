package httpd

import (
	"strconv"
	"strings"
)

type rangeKind uint8

const (
	rangeWhole   rangeKind = iota // none was asked for, or one that need not be understood (RFC 9110 §14.2)
	rangePart                     // one piece
	rangeOutside                  // begins behind the end
)

// span is what a Range header asks for.
type span struct {
	kind         rangeKind
	from, length int64
}

// parseRange reads a Range header for a file of the given size. Several ranges at once are answered with the whole.
func parseRange(header string, size int64) span {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(last, ",") {
		return span{}
	}
	if first == "" { // the last so many octets
		n, digits := number(last)
		if !digits {
			return span{}
		}
		if n == 0 || size == 0 {
			return span{kind: rangeOutside}
		}
		n = min(n, size)
		return span{rangePart, size - n, n}
	}
	from, ok := number(first)
	if !ok {
		return span{}
	}
	to := size - 1
	if last != "" {
		n, digits := number(last)
		if !digits || n < from {
			return span{}
		}
		to = min(to, n)
	}
	if from >= size {
		return span{kind: rangeOutside}
	}
	return span{rangePart, from, to - from + 1}
}

// number reads digits alone: no sign, no blank.
func number(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil //nolint:gosec // 63 bits fit
}
