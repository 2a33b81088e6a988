package account

import (
	"crypto/md5" //nolint:gosec // the algorithm of RFC 7616
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The hashes lead to the responses of RFC 7616 section 3.9.1.
func TestHashesOfRFC7616(t *testing.T) {
	ha1 := hashPassword("Mufasa", "http-auth@example.org", "Circle of Life")
	md := func(s string) string {
		sum := md5.Sum([]byte(s)) //nolint:gosec // see above
		return hex.EncodeToString(sum[:])
	}
	sha := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	for _, c := range []struct {
		name, ha1, want string
		hash            func(string) string
	}{
		{"MD5", ha1.MD5, "8ca523f5e9506fed4657c9700eebdbec", md},
		{"SHA-256", ha1.SHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", sha},
	} {
		response := c.hash(c.ha1 + ":7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v:00000001:" +
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ:auth:" + c.hash("GET:/dir/index.html"))
		if response != c.want {
			t.Errorf("%s: the response is %s, want %s", c.name, response, c.want)
		}
	}
}
