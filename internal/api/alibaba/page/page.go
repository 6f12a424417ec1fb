// Package page answers lists in Alibaba Cloud's two ways: by number and size, and
// by token.
//
// Invariants: a page is never nil; a size out of bounds is an error, not another size.
package page

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/api/wire"
)

// Numbered is a page by number.
type Numbered[T any] struct {
	Items               []T
	Number, Size, Total *int64
}

// Sizes are the page size of a call that names none, and the largest.
type Sizes struct{ Default, Max int64 }

// ByNumber returns the page that PageNumber and PageSize ask for, of items in the
// order they have. A page behind the last is empty.
func ByNumber[T any](items []T, number, size *int64, s Sizes) (Numbered[T], error) {
	n, k := int64(1), s.Default
	if number != nil {
		n = *number
	}
	if size != nil {
		k = *size
	}
	switch {
	case n < 1:
		return Numbered[T]{}, bad("PageNumber")
	case k < 1 || k > s.Max:
		return Numbered[T]{}, bad("PageSize")
	}
	total := int64(len(items))
	from := min((n-1)*k, total)
	if n > total { // no overflow of the product
		from = total
	}
	return Numbered[T]{append([]T{}, items[from:min(from+k, total)]...), &n, &k, &total}, nil
}

// ByToken returns the page that MaxResults and NextToken ask for, of items by
// key, and the token of the next; "" and nil begin. A token is good for the
// question it was given for: the operation, the account, the region, and what
// else question says, such as the filters.
func ByToken[T any](ctx context.Context, items []T, size *int64, token *string, s Sizes, question string, key func(T) string) ([]T, *string, error) {
	if size != nil && (*size < 1 || *size > s.Max) {
		return nil, nil, bad("MaxResults")
	}
	call, k := wire.CallFrom(ctx), int32(s.Default)
	if size != nil {
		k = int32(*size)
	}
	scope := strings.Join([]string{call.Service, call.Operation, call.Account, call.Region, question}, "\x00")
	return wire.Page(items, wire.Paging{Max: &k, Token: token, Scope: scope}, key)
}

// Has tells whether a list of wanted IDs is empty or has id.
func Has(wanted []string, id string) bool { return len(wanted) == 0 || slices.Contains(wanted, id) }

// HasTags tells whether tags have all that are wanted; an empty value is any.
func HasTags(tags, want map[string]string) bool {
	for k, v := range want {
		if have, ok := tags[k]; !ok || v != "" && have != v {
			return false
		}
	}
	return true
}

func bad(name string) error {
	return &wire.Error{Code: "Invalid" + name, Msg: fmt.Sprintf("The specified parameter %q is not valid.", name)}
}
