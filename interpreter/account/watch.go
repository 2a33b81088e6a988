package account

// Watch has f called after every change of the book. f must return at once and must not call the book: it is to wake
// somebody who does. A second call takes the first one's place.
func (b *Book) Watch(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = f
}

// publish shows a snapshot to readers, and tells who watches. b.mu is held.
func (b *Book) publish(s *snapshot) {
	b.now.Store(s)
	if b.changed != nil {
		b.changed()
	}
}
