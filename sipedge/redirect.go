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
	type contact struct {
		uri string
		q   float64
	}
	var list []contact
	for _, h := range res.GetHeaders("contact") {
		for _, text := range splitUnquoted(h.Value(), ',') {
			n, err := parseNameAddr(text)
			if err != nil || len(list) >= maxMoves {
				continue
			}
			scheme, _, _ := strings.Cut(n.uri, ":")
			u, _, err := targetURI(n.uri)
			if err != nil || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") ||
				plainValue("Contact", n.uri) != nil || u.Host == "" || isSips(asked) && !isSips(&u) {
				continue
			}
			c := contact{uri: u.String(), q: 1} // without the headers: a stranger does not choose those of our calls
			if v, ok := n.param("q"); ok {
				if q, err := strconv.ParseFloat(v, 64); err == nil && q >= 0 && q <= 1 {
					c.q = q
				}
			}
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b contact) int { return cmp.Compare(b.q, a.q) })
	var uris []string
	for _, c := range list {
		uris = append(uris, c.uri)
	}
	return uris
}
