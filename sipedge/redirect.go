package sipedge

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

const maxMoves = 5 // of one redirection that are looked at

// contactsOf are the addresses that a 3xx sends the call to, the preferred ones first (RFC 3261 §8.1.3.4). What could
// not be called is left out, and what would carry a call for a sips address in the clear (RFC 5630 §5.3).
func contactsOf(res *sip.Response, asked *sip.Uri) []string {
	if !res.IsRedirection() {
		return nil
	}
	var list []move
	for _, h := range res.GetHeaders("contact") {
		for _, text := range splitUnquoted(h.Value(), ',') {
			if len(list) >= maxMoves {
				break
			}
			if m, ok := readMove(text, asked); ok {
				list = append(list, m)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b move) int { return cmp.Compare(b.q, a.q) })
	var uris []string
	for _, m := range list {
		uris = append(uris, m.uri)
	}
	return uris
}

// move is one address of a redirection.
type move struct {
	uri string
	q   float64
}

// readMove reads one Contact. It reports false when that cannot, or must not, be called.
func readMove(contact string, asked *sip.Uri) (move, bool) {
	n, err := parseNameAddr(contact)
	if err != nil {
		return move{}, false
	}
	scheme, _, _ := strings.Cut(n.uri, ":")
	u, _, err := targetURI(n.uri)
	if err != nil || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") ||
		plainValue("Contact", n.uri) != nil || u.Host == "" || isSips(asked) && !isSips(&u) {
		return move{}, false
	}
	m := move{uri: u.String(), q: 1} // without the headers: a stranger does not choose those of our calls
	if v, ok := n.param("q"); ok {
		if q, err := strconv.ParseFloat(v, 64); err == nil && q >= 0 && q <= 1 {
			m.q = q
		}
	}
	return m, true
}
