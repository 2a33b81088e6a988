package browser

import "slices"

// Clients are the names of the clients of which a page is connected, sorted, with the number of their pages.
func (f *Phones) Clients() (names []string, pages map[string]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pages = make(map[string]int, len(f.pages))
	for name, set := range f.pages {
		names = append(names, name)
		pages[name] = len(set)
	}
	slices.Sort(names)
	return names, pages
}
