package wire

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"reflect"
	"sync"
	"time"
)

// tokens makes calls with a ClientToken idempotent: the same call with the same
// token is answered as the first was, and does nothing.
// https://www.alibabacloud.com/help/en/ecs/developer-reference/how-to-ensure-idempotence
type tokens struct {
	mu    sync.Mutex // guards done and swept
	done  map[string]*firstCall
	swept time.Time
}

type firstCall struct {
	sum  [sha256.Size]byte // of the input
	at   time.Time
	done bool
	out  reflect.Value
}

const (
	tokenLife = 24 * time.Hour
	maxToken  = 64
)

// once carries out the operation, unless its token says that it is done.
func (s *Server) once(ctx context.Context, q *request, in reflect.Value) (reflect.Value, error) {
	token := ""
	if q.op.token >= 0 {
		if f := in.Elem().Field(q.op.token); !f.IsNil() {
			token = f.Elem().String()
		}
	}
	switch {
	case token == "":
		return q.op.call(ctx, in)
	case len(token) > maxToken:
		return reflect.Value{}, &Error{Code: "InvalidClientToken", Msg: "Specified parameter ClientToken is not valid."}
	}
	text, err := json.Marshal(in.Interface())
	if err != nil {
		return reflect.Value{}, err
	}
	c := &q.call
	first, mine := s.tokens.claim(c.Account+"\x00"+c.Region+"\x00"+c.Service+"\x00"+c.Operation+"\x00"+token, sha256.Sum256(text), s.cfg.Now())
	switch {
	case first.sum != sha256.Sum256(text):
		return reflect.Value{}, &Error{Code: "IdempotentParameterMismatch", Msg: "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical."}
	case !mine && !s.tokens.finished(first):
		return reflect.Value{}, &Error{Code: "LastTokenProcessing", Msg: "The last token request is processing."}
	case !mine:
		return first.out, nil
	}
	var out reflect.Value
	defer func() { s.tokens.finish(first, out) }()
	out, err = q.op.call(ctx, in)
	return out, err
}

// claim files a call; mine tells that it is the first with its token.
func (t *tokens) claim(id string, sum [sha256.Size]byte, now time.Time) (first *firstCall, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.swept) > time.Hour {
		for k, c := range t.done {
			if now.Sub(c.at) > tokenLife || c.done && !c.out.IsValid() {
				delete(t.done, k)
			}
		}
		t.swept = now
	}
	if c := t.done[id]; c != nil && now.Sub(c.at) <= tokenLife && !(c.done && !c.out.IsValid()) {
		return c, false
	}
	if t.done == nil {
		t.done = map[string]*firstCall{}
	}
	c := &firstCall{sum: sum, at: now}
	t.done[id] = c
	return c, true
}

func (t *tokens) finished(c *firstCall) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return c.done
}

// finish keeps an answer. A call that failed has none, and may be tried again.
func (t *tokens) finish(c *firstCall, out reflect.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.done, c.out = true, out
}
