package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// object takes a JSON object apart. Unlike encoding/json it refuses a key that
// stands twice or in another case: either would let one reader of the policy see
// a refusal where another sees none. Without names every key is allowed.
func object(b []byte, what string, names ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, syntax("%s is no JSON object", what)
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, syntax("%s: %v", what, err)
		}
		key := t.(string) // the decoder accepts nothing else before a colon
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, syntax("%s, element %q: %v", what, key, err)
		}
		if _, twice := out[key]; twice {
			return nil, syntax("%s has the element %q twice", what, key)
		}
		if len(names) > 0 && !slices.Contains(names, key) {
			return nil, syntax("%s has the unknown element %q", what, key)
		}
		out[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, syntax("%s: %v", what, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, syntax("there is text after the end of %s", what)
	}
	return out, nil
}

// text reads a string element; an absent one is "".
func text(b json.RawMessage, what string) (string, error) {
	if b == nil {
		return "", nil
	}
	var s *string
	if json.Unmarshal(b, &s) != nil || s == nil {
		return "", syntax("%s is no string", what)
	}
	return *s, clean(*s, what)
}

// clean refuses the character that patterns are quoted with.
func clean(s, what string) error {
	if strings.Contains(s, quote) {
		return syntax("%s has a null character", what)
	}
	return nil
}

// words reads a string or a list of strings; an absent element is nil.
func words(b json.RawMessage, what string) ([]string, error) {
	if b == nil {
		return nil, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil || list == nil {
		list = []json.RawMessage{b}
	}
	out := make([]string, len(list))
	for i, v := range list {
		var err error
		if out[i], err = text(v, what); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scalars reads a string, number or boolean, or a list of them.
func scalars(b json.RawMessage, what string) ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil || list == nil {
		list = []json.RawMessage{b}
	}
	out := make([]string, len(list))
	for i, v := range list {
		if len(v) > 0 && v[0] != '"' {
			if strings.ContainsAny(string(v[:1]), "{[n") {
				return nil, syntax("%s is neither a string, a number nor a boolean", what)
			}
			out[i] = string(v)
			continue
		}
		var err error
		if out[i], err = text(v, what); err != nil {
			return nil, err
		}
	}
	return out, nil
}
