// Package registrar keeps which phone is where: the bindings of addresses of record (RFC 3261 §10.3), with their flows
// (RFC 5626) and paths (RFC 3327), in memory and, a little later, in interpreter.Records, so that they outlive the
// process.
//
// Look at Table first; Keeper loads and saves it. The package knows no SIP message and opens no socket: sipedge reads
// REGISTER and asks it. Only sipedge may import it; it imports interpreter alone. Tests run in synctest bubbles.
package registrar
