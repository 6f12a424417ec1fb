package wire

import (
	"context"
	"net"
	"net/http"
	"testing"
)

func TestFromThisMachine(t *testing.T) {
	for _, c := range []struct {
		from, at string
		inside   bool
		want     bool
	}{
		{"127.0.0.1:9", "127.0.0.1:4566", false, true},
		{"[::ffff:127.0.0.1]:9", "[::]:4566", false, true},
		{"198.51.100.7:9", "198.51.100.7:4566", false, true},
		{"198.51.100.8:9", "198.51.100.7:4566", false, false},
		{"127.0.0.1:9", "127.0.0.1:80", true, false},
		{"198.51.100.7:9", "198.51.100.7:80", true, false},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.at)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, at)
		if c.inside {
			ctx = WithOrigin(ctx, Origin{})
		}
		r := (&http.Request{RemoteAddr: c.from}).WithContext(ctx)
		if got := FromThisMachine(r); got != c.want {
			t.Errorf("from %s to %s, inside a VPC %t: %t", c.from, c.at, c.inside, got)
		}
	}
}
