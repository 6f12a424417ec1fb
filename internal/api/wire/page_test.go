package wire

import (
	"errors"
	"slices"
	"testing"
)

func id(s string) string { return s }

func TestPage(t *testing.T) {
	items := []string{"e", "a", "d", "b", "c"}
	two := int32(2)
	var got []string
	var token *string
	for range 3 {
		page, next, err := Page(items, Paging{Max: &two, Token: token, Scope: "q"}, id)
		if err != nil {
			t.Fatal(err)
		}
		got, token = append(got, page...), next
	}
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) || token != nil {
		t.Errorf("got %v, token %v, want %v", got, token, want)
	}
	if items[0] != "e" {
		t.Error("the caller's items were sorted in place")
	}
}

func TestPageWhileChanging(t *testing.T) {
	one := int32(1)
	page, next, err := Page([]string{"a", "b", "c"}, Paging{Max: &one}, id)
	if err != nil || !slices.Equal(page, []string{"a"}) {
		t.Fatal(page, err)
	}
	// "a" goes, "aa" comes: the next page begins behind where "a" was.
	page, _, err = Page([]string{"aa", "b", "c"}, Paging{Max: &one, Token: next}, id)
	if err != nil || !slices.Equal(page, []string{"aa"}) {
		t.Errorf("got %v, %v, want [aa]", page, err)
	}
}

func TestPageEdges(t *testing.T) {
	page, next, err := Page([]string(nil), Paging{}, id)
	if page == nil || len(page) != 0 || next != nil || err != nil {
		t.Errorf("nothing: %v %v %v", page, next, err)
	}
	page, next, _ = Page([]string{"a", "b"}, Paging{Default: 2}, id)
	if len(page) != 2 || next != nil {
		t.Errorf("exactly one page: %v %v", page, next)
	}
	one := int32(1)
	_, next, _ = Page([]string{"a", "b"}, Paging{Max: &one, Scope: "DescribeVpcs"}, id)
	for name, p := range map[string]Paging{
		"another question's": {Token: next, Scope: "DescribeSubnets"},
		"made up":            {Token: new("AAAA"), Scope: "DescribeVpcs"},
		"not base64":         {Token: new("%"), Scope: "DescribeVpcs"},
	} {
		var bad *PageError
		if _, _, err := Page([]string{"a", "b"}, p, id); !errors.As(err, &bad) {
			t.Errorf("a token that is %s: %v", name, err)
		}
	}
}
