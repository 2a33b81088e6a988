package sipedge

import "errors"

var (
	errTransport  = errors.New("transport not usable")
	errDialogOver = errors.New("dialog is over")
	errState      = errors.New("not possible in this state of the dialog")
)
