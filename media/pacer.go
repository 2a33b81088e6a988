package media

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The wheel of a pacer: legs are spread over slots so that they do not all
// send at once, and each slot has its turn every 20 ms.
const (
	slotDuration = 2 * time.Millisecond
	slotCount    = int(FrameDuration / slotDuration)
	// maxStall is how far a pacer may fall behind before it skips ahead instead of sending a burst.
	maxStall = 60 * time.Millisecond
)

// Ticker is a leg as the pacer sees it. Values must be comparable (pointers).
type Ticker interface {
	// Tick is called every 20 ms by one goroutine at a time. now is the time
	// the tick was due, so the time since the last one is what to account
	// for: 20 ms as a rule, more after a stall, less after Kick. Tick must not
	// wait and must not call the pacer.
	Tick(now time.Time)
}

// Pacer calls legs every 20 ms by deadline. One serves a core.
type Pacer struct {
	mu    sync.Mutex // held during a slot, so that Remove returns only when the leg is not being ticked
	slots [slotCount][]Ticker
	where map[Ticker]int
	base  time.Time

	legs   atomic.Int64
	ticks  atomic.Uint64
	stalls atomic.Uint64
	lagSum atomic.Int64
	lagNum atomic.Int64
	lagMax atomic.Int64

	wake chan struct{} // one token: there is a leg now
	stop chan struct{}
	once sync.Once
	done sync.WaitGroup
}

// PacerStats is what a pacer has measured.
type PacerStats struct {
	Legs   int
	Ticks  uint64        // calls of Tick
	Stalls uint64        // times it fell more than 60 ms behind and skipped
	MaxLag time.Duration // of a slot behind its deadline, since the last call of Stats
	AvgLag time.Duration // likewise
}

// NewPacer starts a pacer. It sleeps while it has no legs.
func NewPacer() *Pacer {
	p := newPacer(time.Now())
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		p.run()
	}()
	return p
}

// newPacer makes a pacer without a goroutine; tests call TickAll.
func newPacer(base time.Time) *Pacer {
	return &Pacer{base: base, where: map[Ticker]int{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// NewManualPacer returns a pacer without a timer: legs are ticked by TickAll
// and Kick only. For tests and for rendering faster than time.
func NewManualPacer() *Pacer { return newPacer(time.Now()) }

// Add gives t its first tick within 20 ms. A leg that is there already stays where it is.
func (p *Pacer) Add(t Ticker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.where[t]; ok {
		return
	}
	p.insert(t, p.emptiest())
	p.legs.Store(int64(len(p.where)))
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Remove takes t out. When it returns t is not being ticked and will not be again.
func (p *Pacer) Remove(t Ticker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delete(t)
	p.legs.Store(int64(len(p.where)))
}

// Kick ticks t at once, on the caller's goroutine, and every 20 ms from now, so
// that a prompt starts without waiting for the next tick.
func (p *Pacer) Kick(t Ticker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.where[t]; !ok {
		return
	}
	// The slot that is due now or was last; its next turn is one frame later.
	elapsed := time.Since(p.base) / slotDuration
	p.delete(t)
	p.insert(t, int(elapsed%time.Duration(slotCount)))
	p.ticks.Add(1)
	t.Tick(p.base.Add(elapsed * slotDuration))
}

// TickAll ticks every leg once as if it were due at now.
func (p *Pacer) TickAll(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.slots {
		p.tick(i, now)
	}
}

// Legs returns how many legs the pacer has.
func (p *Pacer) Legs() int { return int(p.legs.Load()) }

// Stats returns the counters and starts a new measurement of the lag.
func (p *Pacer) Stats() PacerStats {
	s := PacerStats{Legs: p.Legs(), Ticks: p.ticks.Load(), Stalls: p.stalls.Load()}
	s.MaxLag = time.Duration(p.lagMax.Swap(0))
	if sum, n := p.lagSum.Swap(0), p.lagNum.Swap(0); n > 0 {
		s.AvgLag = time.Duration(sum / n)
	}
	return s
}

// Close stops the pacer and waits until no leg is being ticked. It may be called again.
func (p *Pacer) Close() error {
	p.once.Do(func() { close(p.stop) })
	p.done.Wait()
	return nil
}

func (p *Pacer) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	turn := int64(0) // slots since base; slot i of the wheel is due at turn i, i+slotCount, ...
	for {
		turn = p.nextTurn(turn)
		if turn < 0 {
			select {
			case <-p.wake:
			case <-p.stop:
				return
			}
			turn = int64(time.Since(p.base) / slotDuration) // nobody was ticked in this slot
			continue
		}
		due := p.base.Add(time.Duration(turn) * slotDuration)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-p.wake: // a leg may have come into an earlier slot
				turn = min(turn, int64(time.Since(p.base)/slotDuration)+1)
				continue
			case <-p.stop:
				return
			}
		}
		if p.stopped() {
			return
		}
		turn = p.turn(turn, due)
	}
}

// turn runs the slot that is due and returns the next one to look at.
func (p *Pacer) turn(turn int64, due time.Time) int64 {
	lag := time.Since(due)
	p.lagSum.Add(int64(lag))
	p.lagNum.Add(1)
	p.lagMax.Store(max(p.lagMax.Load(), int64(lag)))
	if lag > maxStall {
		p.stalls.Add(1)
		// Whole turns of the wheel are left out; every leg sees them as a longer time since its last tick.
		skip := int64(lag / FrameDuration * time.Duration(slotCount))
		turn += skip
		due = due.Add(time.Duration(skip) * slotDuration)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tick(int(turn%int64(slotCount)), due)
	return turn + 1
}

func (p *Pacer) stopped() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// nextTurn returns the first turn from here whose slot has legs, or -1.
func (p *Pacer) nextTurn(turn int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range slotCount {
		if len(p.slots[turn%int64(slotCount)]) > 0 {
			return turn
		}
		turn++
	}
	return -1
}

func (p *Pacer) tick(slot int, now time.Time) {
	for _, t := range p.slots[slot] {
		t.Tick(now)
	}
	p.ticks.Add(uint64(len(p.slots[slot])))
}

func (p *Pacer) emptiest() int {
	best, least := 0, math.MaxInt
	for i := range p.slots {
		if n := len(p.slots[i]); n < least {
			best, least = i, n
		}
	}
	return best
}

func (p *Pacer) insert(t Ticker, slot int) {
	p.slots[slot] = append(p.slots[slot], t)
	p.where[t] = slot
}

func (p *Pacer) delete(t Ticker) {
	slot, ok := p.where[t]
	if !ok {
		return
	}
	delete(p.where, t)
	legs := p.slots[slot]
	for i := range legs {
		if legs[i] == t {
			last := len(legs) - 1
			legs[i], legs[last] = legs[last], nil
			p.slots[slot] = legs[:last]
			return
		}
	}
}

// Pacers is one pacer per core.
type Pacers struct {
	pacers []*Pacer
}

// NewPacers starts n pacers, or one per core the program may use when n is not positive.
func NewPacers(n int) *Pacers {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	ps := &Pacers{}
	for range n {
		ps.pacers = append(ps.pacers, NewPacer())
	}
	return ps
}

// Least returns the pacer with the fewest legs, for a new leg; the two legs of
// a call share one when the caller passes it on.
func (ps *Pacers) Least() *Pacer {
	best := ps.pacers[0]
	for _, p := range ps.pacers[1:] {
		if p.Legs() < best.Legs() {
			best = p
		}
	}
	return best
}

// Stats returns the counters of all pacers together: sums, and the greatest lag.
func (ps *Pacers) Stats() PacerStats {
	var all PacerStats
	for _, p := range ps.pacers {
		s := p.Stats()
		all.Legs += s.Legs
		all.Ticks += s.Ticks
		all.Stalls += s.Stalls
		all.MaxLag = max(all.MaxLag, s.MaxLag)
		all.AvgLag = max(all.AvgLag, s.AvgLag)
	}
	return all
}

// Close stops all pacers and waits for them.
func (ps *Pacers) Close() error {
	for _, p := range ps.pacers {
		_ = p.Close() // never fails
	}
	return nil
}
