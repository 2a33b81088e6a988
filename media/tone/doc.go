// Package tone makes the sounds of the telephone network as sources: beeps,
// ringback, busy, reorder and dial tones of many countries, special
// information tones and keypad tones.
//
// Look first at [Tone]. Tones come by name ([Ringback], [Beep], [DTMF]) or from
// a cadence in the usual notation ([Parse]). Anything in or above media may
// import it. Test with `go test ./media/tone`.
package tone
