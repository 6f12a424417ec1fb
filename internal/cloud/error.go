package cloud

import (
	"errors"
	"fmt"
)

// Kind classifies an Error; dialects map (Kind, Resource, Reason) to their codes.
type Kind string

// Kinds of error.
const (
	Malformed   Kind = "malformed"   // the ID or value has no valid form
	Invalid     Kind = "invalid"     // well formed, but not acceptable
	Missing     Kind = "missing"     // a required value is absent
	NotFound    Kind = "not-found"   // no such resource
	Exists      Kind = "exists"      // duplicate
	Conflict    Kind = "conflict"    // contradicts the state of something else
	InUse       Kind = "in-use"      // something depends on it
	Limit       Kind = "limit"       // a quota is reached
	Exhausted   Kind = "exhausted"   // out of addresses, memory, slots
	Denied      Kind = "denied"      // policy says no
	State       Kind = "state"       // not in a state that allows this
	Unsupported Kind = "unsupported" // deliberately not implemented
	Unavailable Kind = "unavailable" // cannot be done now; may be tried again
)

// Error is a user's mistake or a refusal, in neutral terms.
type Error struct {
	Kind     Kind
	Resource Resource
	ID       string // of the resource at fault, if one is
	// Reason tells apart errors of one kind on one resource ("cidr-overlap"); dialects may key on it.
	Reason string
	// Msg says what was attempted, on what, why not, what to do.
	Msg string
	Err error
}

func (e *Error) Error() string {
	s := e.Msg
	if s == "" {
		s = fmt.Sprintf("%s %s: %s", e.Resource, e.ID, e.Kind)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a formatted message.
func Errorf(kind Kind, res Resource, id, reason, format string, args ...any) *Error {
	return &Error{Kind: kind, Resource: res, ID: id, Reason: reason, Msg: fmt.Sprintf(format, args...)}
}

// IsKind reports whether err is, or wraps, an Error of this kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
