// Package toll guards the calls that cost money: it stands in front of the lines of the engine and refuses, before
// anything is sent, what an account's rules do not allow: destinations, expensive kinds of numbers, too many calls, a
// caller id that is not the account's. Running calls go on.
//
// Look at Guard and Rules first. The package imports interpreter and interpreter/number alone; its tests run on fake
// lines in virtual time.
package toll
