package fc

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"weir/internal/cloud"
)

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

// given is a pointer to s, or nil if it is empty.
func given[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	text := string(s)
	return &text
}

// stamp writes a time as the product's answers do.
func stamp(t time.Time) *string { return ptr(t.UTC().Format("2006-01-02T15:04:05Z")) }

// newID makes the ID of an interface that a function is given.
func newID(kind cloud.Resource) string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	prefix := string(kind) + "-"
	if kind == cloud.KindInterface {
		prefix = "eni-"
	}
	return prefix + hex.EncodeToString(b[:])
}
