// Package browser makes legs of browsers: ICE, DTLS and SRTP by pion/webrtc on one UDP port, signalled as JSON over a
// WebSocket (docs/browser.md), or by SIP over WebSocket through package sipedge.
//
// [Engine] owns the port and opens media; [Phones] knows the pages that are connected, takes their calls and rings
// them. Only cmd imports it. It is the only package that knows pion/webrtc; tests connect two peers on loopback.
package browser
