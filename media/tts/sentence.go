package tts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pieces given to an engine: long enough to keep the melody of a sentence, short enough that the first is soon ready.
const (
	minPiece = 12  // characters; shorter sentences are joined with the next
	maxPiece = 240 // longer ones are divided at a comma or a space
)

// abbreviations end in a full stop but do not end a sentence.
var abbreviations = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "st": true, "no": true, "vs": true, "etc": true, "e.g": true,
	"i.e": true, "inc": true, "ltd": true, "jr": true, "sr": true, "prof": true, "approx": true, "z.b": true, "nr": true,
}

// sentences divides text so that it can be spoken piece by piece. Nothing but white space is lost.
func sentences(text string) []string {
	var out []string
	for text = strings.TrimSpace(text); text != ""; {
		n := endOfSentence(text)
		out = append(out, strings.TrimSpace(text[:n]))
		text = strings.TrimSpace(text[n:])
	}
	return out
}

// endOfSentence returns the length of the first piece.
func endOfSentence(text string) int {
	count, comma, space := 0, 0, 0
	for i, next := 0, 0; i < len(text); i = next {
		r, width := utf8.DecodeRuneInString(text[i:]) // of a broken octet the width is 1
		next = i + width
		count++
		switch r {
		case '。', '！', '？':
			if count >= minPiece {
				return next
			}
		case '.', '!', '?', ';', ':':
			if count >= minPiece && endsHere(text, i, next) {
				return next
			}
		case ',', '،', '、':
			comma = next
		case ' ':
			space = next
		}
		if count < maxPiece {
			continue
		}
		if comma > 0 {
			return comma
		}
		if space > 0 {
			return space
		}
		return next
	}
	return len(text)
}

// endsHere tells whether the mark at i ends a sentence: space follows, and what comes before is no abbreviation or
// initial.
func endsHere(text string, i, next int) bool {
	if next < len(text) {
		r, _ := utf8.DecodeRuneInString(text[next:])
		if !unicode.IsSpace(r) {
			return false
		}
	}
	if text[i] != '.' {
		return true
	}
	word := text[strings.LastIndexByte(text[:i], ' ')+1 : i]
	if utf8.RuneCountInString(word) == 1 && unicode.IsUpper([]rune(word)[0]) {
		return false
	}
	return !abbreviations[strings.ToLower(word)]
}
