// Package account holds what an operator configures for his customers: users, devices, groups, callflows, menus,
// mailboxes and the other objects that Kazoo documents name, with Kazoo's field names; who may log in; and which
// callflow a dialled number leads to.
//
// Look at [Book] first: it hands out a [View] of one account as it stands at this moment. A View never changes, so a
// decision that needs several look-ups is made on one of them. Objects come from YAML ([Read], [Book.Reload]) or are
// made while the engine runs ([Book.Put]); telephones and modules change a few of their fields ([Book.Change]).
//
// Everything above the domain may import it; it imports the domain alone. It never opens a socket and never waits,
// except for the store when something is changed.
package account
