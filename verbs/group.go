package verbs

import "sync"

// group runs the goroutines of one operation. A panic in one of them is raised again in Wait, so that it reaches the
// loop of the call, which ends that call alone.
type group struct {
	wg    sync.WaitGroup
	mu    sync.Mutex // guards panic
	panic any
}

func (g *group) Go(f func()) {
	g.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.mu.Lock()
				g.panic = p
				g.mu.Unlock()
			}
		}()
		f()
	})
}

// Wait returns when every goroutine has ended.
func (g *group) Wait() {
	g.wg.Wait()
	g.mu.Lock()
	p := g.panic
	g.panic = nil
	g.mu.Unlock()
	if p != nil {
		panic(p)
	}
}
