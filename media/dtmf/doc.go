// Package dtmf reads and writes keypad digits in the three shapes in which they reach a call: as RFC 4733 telephone
// events (Receiver, Sender), as tones in the audio (Detector) and as bodies of SIP INFO (ParseInfo).
//
// Look first at Receiver. The package knows no sockets, no timers and no goroutines: the loop that owns a leg feeds it
// packets, frames and the passing of time. rtpio, detect and the audio half of a leg may import it. Nothing in it
// allocates after construction. Test it with `go test ./media/dtmf`.
package dtmf
