// Package api is the engine's own HTTP interface, /v1: what is registered, how the trunks are, what the engine is and
// the order to read its configuration again. The operator's commands speak it over the control socket, applications
// over HTTP with the account's log-in.
//
// Read [API] first; there is one file for each resource. cmd alone imports the package; it knows the engine by
// functions that cmd gives it. Tests call the server with a RequestCtx.
package api
