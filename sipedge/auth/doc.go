// Package auth is digest authentication as a server does it (RFC 7616, RFC 8760): nonces that need no memory, answers
// that are checked in constant work whoever asks, replay protection, and the ban of addresses that guess.
//
// Look at Server first. The package knows no SIP message: headers come and go as text. Only sipedge may import it; it
// imports interpreter/memstore alone. Tests need no socket; time is that of a synctest bubble.
package auth
