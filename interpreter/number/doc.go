// Package number knows telephone numbers: it brings what was dialled into E.164, sorts numbers into classes
// (toll-free, premium, emergency …), writes them in the forms that carriers ask for, and knows the emergency numbers of
// countries.
//
// Look at Plan first: it holds the country that numbers without a prefix belong to. The package imports nothing of
// ours and keeps no state; its tests are tables and a fuzz target.
package number
