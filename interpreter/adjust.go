package interpreter

// SetCalls changes how many calls may run at once; those that run go on. 0 is the default.
func (m *Manager) SetCalls(n int) {
	n = Limits{Calls: n}.withDefaults().Calls
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = n
}
