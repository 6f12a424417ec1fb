package wire

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFromThisMachine(t *testing.T) {
	for _, c := range []struct {
		from, at string
		inside   bool
		site     string // Sec-Fetch-Site
		want     bool
	}{
		{"127.0.0.1:9", "127.0.0.1:4566", false, "", true},
		{"[::ffff:127.0.0.1]:9", "[::]:4566", false, "", true},
		{"198.51.100.7:9", "198.51.100.7:4566", false, "", true},
		{"198.51.100.8:9", "198.51.100.7:4566", false, "", false},
		{"127.0.0.1:9", "127.0.0.1:80", true, "", false},
		{"198.51.100.7:9", "198.51.100.7:80", true, "", false},
		{"127.0.0.1:9", "127.0.0.1:4566", false, "none", true},
		{"127.0.0.1:9", "127.0.0.1:4566", false, "same-origin", true},
		{"127.0.0.1:9", "127.0.0.1:4566", false, "same-site", false},
		{"127.0.0.1:9", "127.0.0.1:4566", false, "cross-site", false},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.at)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, at)
		if c.inside {
			ctx = WithOrigin(ctx, Origin{})
		}
		r := (&http.Request{RemoteAddr: c.from, Header: http.Header{"Sec-Fetch-Site": {c.site}}}).WithContext(ctx)
		if got := FromThisMachine(r); got != c.want {
			t.Errorf("from %s to %s, inside a VPC %t, site %q: %t", c.from, c.at, c.inside, c.site, got)
		}
	}
}

// Where every key is taken, a page of another site still has none.
func TestForeignPageNeedsAKey(t *testing.T) {
	y := newToy(t, Query, Config{})
	for site, want := range map[string]int{"": 200, "same-origin": 200, "cross-site": 403} {
		r := httptest.NewRequest("GET", "http://toy.example/?Action=Nothing&Version=2020-01-01", nil)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		if y.ServeHTTP(w, r); w.Code != want {
			t.Errorf("site %q: %d %s", site, w.Code, w.Body)
		}
	}
}
