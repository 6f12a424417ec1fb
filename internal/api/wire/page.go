package wire

import (
	"encoding/base64"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Paging is a request for one page of a list.
type Paging struct {
	Max     *int32  // as the request has it; nil is Default
	Token   *string // as the request has it
	Default int     // page size when the request has none; 0 is everything

	// Scope ties a token to one question (operation, account, region, filters):
	// a token from another question is refused.
	Scope string
}

// PageError says that a pagination token is not one that was given out.
type PageError struct{ Token string }

func (e *PageError) Error() string {
	return "pagination token " + strconv.Quote(e.Token) + " is not valid"
}

// Page sorts items by key, which must be unique, and returns the page that p asks
// for, never nil, and the token of the next one. A token names the last item of
// its page, so pages neither repeat nor skip an item while others come and go.
func Page[T any](items []T, p Paging, key func(T) string) ([]T, *string, error) {
	items = append([]T{}, items...)
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if p.Token != nil && *p.Token != "" {
		after, err := openToken(*p.Token, p.Scope)
		if err != nil {
			return nil, nil, err
		}
		i, found := slices.BinarySearchFunc(items, after, func(t T, k string) int { return strings.Compare(key(t), k) })
		if found {
			i++
		}
		items = items[i:]
	}
	n := p.Default
	if p.Max != nil && *p.Max > 0 {
		n = int(*p.Max)
	}
	if n == 0 || len(items) <= n {
		return items, nil, nil
	}
	items = items[:n]
	next := sealToken(key(items[n-1]), p.Scope)
	return items, &next, nil
}

// tokenSum binds a token to its scope; it detects mistakes, and keeps no secret:
// a token gives access to nothing that its question would not.
func tokenSum(key, scope string) string {
	h := fnv.New64a()
	h.Write([]byte(scope + "\x00" + key))
	return strconv.FormatUint(h.Sum64(), 36)
}

func sealToken(key, scope string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(tokenSum(key, scope) + ":" + key))
}

func openToken(token, scope string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	sum, key, ok := strings.Cut(string(b), ":")
	if err != nil || !ok || sum != tokenSum(key, scope) {
		return "", &PageError{Token: token}
	}
	return key, nil
}
