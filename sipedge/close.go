package sipedge

import (
	"context"
	"time"

	"pintle/interpreter"
)

const (
	closeWait  = 2 * time.Second       // for peers to answer our last BYE and CANCEL
	closeGrace = 20 * time.Millisecond // for messages that the library has taken from a socket and not yet given to us
)

// Drain refuses new calls with 503 and Retry-After, and tells so to OPTIONS; calls that run go on.
func (e *Edge) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.draining.Store(true)
}

// Close hangs up every leg, closes the sockets and waits for every goroutine. Peers have two seconds to answer our last
// requests. A second call waits for the first and does nothing.
func (e *Edge) Close() error {
	e.Drain()
	e.endTrunks(closeWait)
	e.hangUp()
	e.endDialogs()
	e.closePresence()

	e.mu.Lock()
	again := e.closed
	e.closed = true
	e.mu.Unlock()
	e.cancel(interpreter.ErrShutdown)
	e.stop()
	e.wg.Wait()
	if again {
		e.serving.Wait()
		return nil
	}
	// What would be sent after the sockets are closed makes the library open new ones: nothing may be under way then.
	e.packets.mute()
	_ = interpreter.Sleep(context.Background(), closeGrace)
	e.transactions.Close()
	err := e.packets.Close()
	if err2 := e.streams.Close(); err == nil {
		err = err2
	}
	if err2 := e.closeDoors(); err == nil {
		err = err2
	}
	e.serving.Wait()
	_ = e.transport.Close() // its sockets are closed already, but for those of a late reply
	return err
}

// endDialogs hangs up what lives and waits, for a while.
func (e *Edge) endDialogs() {
	for _, d := range e.dialogs.all() {
		d.box.post(func() {
			d.end(&interpreter.Hangup{By: interpreter.ByEngine, Code: 503, Cause: interpreter.CauseOf(503),
				Reason: interpreter.ErrShutdown.Error()})
		})
	}
	late := make(chan struct{})
	timer := time.AfterFunc(closeWait, func() { close(late) })
	defer timer.Stop()
	dialled := make(chan struct{})
	if !e.spawn(func() { e.dials.Wait(); close(dialled) }) {
		return // closed already
	}
	select {
	case <-dialled: // each attempt was cancelled, or has left its CANCEL to the background
	case <-late:
	}
	for _, d := range e.dialogs.all() {
		select {
		case <-d.gone:
		case <-late:
			d.box.close()
		}
	}
}
