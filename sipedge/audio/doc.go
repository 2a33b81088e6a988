// Package audio is the audio half of a leg: prompts become sources, keys become digits, what the party says becomes a
// WAV file, and two halves are joined. It knows no SIP; package sipedge joins it with a dialog.
//
// [Half] is one leg's sound, [Sounds] what all legs share to make sources of prompts. Package sipedge alone imports it,
// and package fixtures/phone through that. It is tested on in-memory packet pairs in virtual time.
package audio
