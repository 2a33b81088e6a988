package sipedge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"pintle/interpreter"
)

// exchange is one request of ours within a dialog, on its way: what it needs of the dialog was copied when it began, so
// that it comes to its end even when the dialog does before.
type exchange struct {
	dialog *dialog // a copy that nobody else has
	req    *sip.Request

	mu  sync.Mutex
	ack *sip.Request
}

var errLate = errors.New("no final response in time")

// exchange copies what a request needs. It runs in the dialog's goroutine.
func (d *dialog) exchange(req *sip.Request) *exchange {
	return &exchange{req: req, dialog: &dialog{edge: d.edge, callID: d.callID, localTag: d.localTag,
		remoteTag: d.remoteTag, local: d.local, remote: d.remote, flow: d.flow, viaFlow: d.viaFlow, hops: d.hops, log: d.log,
		sips: d.sips, target: d.target, routes: append([]sip.Uri(nil), d.routes...)}}
}

// run sends the request and waits for its final response, 64*T1 at most. A 2xx to INVITE has its ACK when run returns.
// The error says that there was no response.
func (x *exchange) run() (*sip.Response, error) {
	d, e := x.dialog, x.dialog.edge
	ctx, cancel := context.WithTimeoutCause(e.work, 64*e.t1, errLate)
	defer cancel()
	hop, err := d.nextHop(ctx, x.req)
	if err != nil {
		return nil, err
	}
	e.address(x.req, hop, d.hops)
	if x.req.Method != sip.INVITE {
		res, fault := e.roundTrip(ctx, x.req.Clone())
		return res, x.fault(fault)
	}
	tx, err := e.start(ctx, x.req.Clone())
	if err != nil {
		return nil, x.fault(err)
	}
	tx.OnRetransmission(func(*sip.Response) { x.acknowledge() })
	return x.follow(ctx, tx)
}

// follow reads an INVITE transaction. A peer that rings and rings is told to stop: a running call rings at nobody.
func (x *exchange) follow(ctx context.Context, tx *sip.ClientTx) (*sip.Response, error) {
	heard := false
	var life <-chan time.Time
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				heard = true
				continue
			}
			if res.IsSuccess() {
				x.confirm(res.Clone())
			}
			return res, nil
		case <-tx.Done():
			return nil, x.fault(fmt.Errorf("%w: %w", errNoAnswer, tx.Err()))
		case <-ctx.Done():
			if !heard || x.closing() {
				tx.Terminate()
				return nil, x.fault(context.Cause(ctx))
			}
			ctx, heard = context.WithoutCancel(ctx), false
			x.cancel()
			timer := time.NewTimer(64 * x.dialog.edge.t1)
			defer timer.Stop()
			life = timer.C
		case <-life:
			tx.Terminate()
			return nil, errLate
		case <-x.dialog.edge.work.Done():
			tx.Terminate()
			return nil, interpreter.ErrShutdown
		}
	}
}

func (x *exchange) closing() bool { return x.dialog.edge.work.Err() != nil }

func (x *exchange) fault(err error) error {
	if err != nil && x.closing() {
		return interpreter.ErrShutdown
	}
	return err
}

func (x *exchange) cancel() {
	req := cancelOf(x.req)
	req.AppendHeader(reasonHeader(408, "No answer to our re-INVITE"))
	e := x.dialog.edge
	e.spawn(func() {
		ctx, cancel := context.WithTimeout(e.work, 64*e.t1)
		defer cancel()
		if _, err := e.roundTrip(ctx, req); err != nil {
			e.log.WithError(err).Debug("CANCEL not answered")
		}
	})
}

// confirm builds the ACK of a 2xx and sends it. It goes to the Contact of that response.
func (x *exchange) confirm(res *sip.Response) {
	d := x.dialog
	if c := res.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	ack := d.ackFor(x.req)
	hop, err := d.nextHop(d.edge.work, ack)
	if err != nil {
		d.log.WithError(err).Debug("ACK not sent")
		return
	}
	d.edge.address(ack, hop, d.hops)
	x.mu.Lock()
	x.ack = ack
	x.mu.Unlock()
	x.acknowledge()
}

// acknowledge sends the ACK, again for each 2xx that is repeated.
func (x *exchange) acknowledge() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ack == nil {
		return // the first one is under way
	}
	ack, e := x.ack.Clone(), x.dialog.edge
	e.spawn(func() {
		if err := e.write(e.work, ack); err != nil {
			e.log.WithError(err).Debug("ACK not sent")
		}
	})
}
