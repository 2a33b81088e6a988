// Package rtpio carries the sound of one leg over RTP: it receives packets,
// orders and times them, hears digits, and sends what the leg's current source
// gives, every 20 ms from the leg's pacer.
//
// Look first at [Stream]. A stream works on a [PacketIO], which is a UDP socket
// from [Ports] or one end of [Pair] in tests. [Join] bridges two streams.
//
// This is the only package that imports pion/rtp and pion/rtcp; the audio half
// of a leg in sipedge imports it. It does not log: it counts, see [Stats]. Test
// it with `go test ./media/rtpio`; most tests run in virtual time over Pair.
package rtpio
