package sipedge

import "errors"

var (
	errFlowGone   = errors.New("the connection is closed, and only its far end can open it again")
	errTransport  = errors.New("transport not usable")
	errDialogOver = errors.New("dialog is over")
	errState      = errors.New("not possible in this state of the dialog")
)
