package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Document is a parsed policy.
type Document struct {
	Version    string
	ID         string
	Statements []Statement
}

// Statement is one permission or refusal.
type Statement struct {
	Sid        string
	Deny       bool
	Principals []Principal // nil if the element is absent
	NotPrinc   bool        // Principals came from NotPrincipal
	Actions    []string
	NotAction  bool
	Resources  []string
	NotRes     bool
	Conditions []Condition
}

// Principal is one entry of a Principal element: Type is "AWS", "Service",
// "Federated", "CanonicalUser", a dialect's own word, or "*" for everyone.
type Principal struct{ Type, Value string }

// Usage says which elements a document must and may have.
type Usage int

// Usages.
const (
	Identity Usage = iota // attached to a user, group or role: no Principal
	Resource              // attached to a resource: Principal required
	Trust                 // a role's trust policy: Principal required, no Resource
)

// SyntaxError says what is wrong with a document.
type SyntaxError struct{ Msg string }

func (e *SyntaxError) Error() string { return "policy document: " + e.Msg }

func syntax(format string, args ...any) error { return &SyntaxError{fmt.Sprintf(format, args...)} }

var versions = []string{"", "2012-10-17", "2008-10-17", "1"}

// Parse reads a policy document and checks its grammar for this usage.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func Parse(doc string, use Usage) (*Document, error) {
	var raw struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := strict(doc, &raw); err != nil {
		return nil, err
	}
	if !slices.Contains(versions, raw.Version) {
		return nil, syntax("version %q is unknown; write \"2012-10-17\"", raw.Version)
	}
	list, err := statements(raw.Statement)
	if err != nil {
		return nil, err
	}
	d := &Document{Version: raw.Version, ID: raw.ID}
	sids := map[string]bool{}
	for _, b := range list {
		s, err := parseStatement(b, use)
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] {
			return nil, syntax("statement id %q is used twice", s.Sid)
		}
		sids[s.Sid] = true
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

// strict decodes one JSON object without unknown elements or trailing text.
func strict(doc string, v any) error {
	d := json.NewDecoder(strings.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return syntax("%v", err)
	}
	if d.More() {
		return syntax("there is text after the document's end")
	}
	return nil
}

func statements(b json.RawMessage) ([]json.RawMessage, error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return nil, syntax("there is no Statement")
	case b[0] == '{':
		return []json.RawMessage{b}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, syntax("Statement is neither an object nor a list")
	}
	if len(list) == 0 {
		return nil, syntax("Statement is empty")
	}
	return list, nil
}

type rawStatement struct {
	Sid          string
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       words
	NotAction    words
	Resource     words
	NotResource  words
	Condition    map[string]map[string]values
}

func parseStatement(b json.RawMessage, use Usage) (Statement, error) {
	var raw rawStatement
	if err := strict(string(b), &raw); err != nil {
		return Statement{}, err
	}
	s := Statement{Sid: raw.Sid, Deny: raw.Effect == "Deny"}
	if raw.Effect != "Allow" && raw.Effect != "Deny" {
		return s, syntax("Effect is %q; write Allow or Deny", raw.Effect)
	}
	var err error
	if s.Actions, s.NotAction, err = either("Action", raw.Action, raw.NotAction, true); err != nil {
		return s, err
	}
	for _, a := range s.Actions {
		if service, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || service == "" || name == "") {
			return s, syntax("action %q must be prefixed with a vendor, such as s3:GetObject", a)
		}
	}
	if s.Resources, s.NotRes, err = either("Resource", raw.Resource, raw.NotResource, use != Trust); err != nil {
		return s, err
	}
	if use == Trust && s.Resources != nil {
		return s, syntax("a trust policy has no Resource")
	}
	if err := s.principals(raw, use); err != nil {
		return s, err
	}
	s.Conditions, err = parseConditions(raw.Condition)
	return s, err
}

// either picks an element or its Not form.
func either(name string, yes, no words, required bool) ([]string, bool, error) {
	switch {
	case yes != nil && no != nil:
		return nil, false, syntax("a statement has both %s and Not%s", name, name)
	case no != nil:
		return no, true, nil
	case yes == nil && required:
		return nil, false, syntax("a statement has neither %s nor Not%s", name, name)
	}
	return yes, false, nil
}

func (s *Statement) principals(raw rawStatement, use Usage) error {
	b := raw.Principal
	if raw.NotPrincipal != nil {
		b, s.NotPrinc = raw.NotPrincipal, true
	}
	switch {
	case raw.Principal != nil && raw.NotPrincipal != nil:
		return syntax("a statement has both Principal and NotPrincipal")
	case use == Identity && b != nil:
		return syntax("an identity policy has no Principal")
	case use != Identity && b == nil:
		return syntax("a statement has no Principal")
	case b == nil:
		return nil
	}
	var every string
	if json.Unmarshal(b, &every) == nil {
		if every != "*" {
			return syntax("Principal %q is neither \"*\" nor an object", every)
		}
		s.Principals = []Principal{{"*", "*"}}
		return nil
	}
	var byType map[string]words
	if err := json.Unmarshal(b, &byType); err != nil || len(byType) == 0 {
		return syntax("Principal is neither \"*\" nor an object with principals")
	}
	for t, vs := range byType {
		for _, v := range vs {
			s.Principals = append(s.Principals, Principal{t, v})
		}
	}
	return nil
}

// words is a string or a list of strings.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil || many == nil {
		return fmt.Errorf("%s is neither a string nor a list of strings", b)
	}
	*w = many
	return nil
}

// values is a string, number or boolean, or a list of them.
type values []string

func (w *values) UnmarshalJSON(b []byte) error {
	list := []json.RawMessage{b}
	if len(b) > 0 && b[0] == '[' {
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
	}
	*w = values{}
	for _, v := range list {
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
			if strings.ContainsAny(s, "{[") || s == "null" {
				return fmt.Errorf("condition value %s is neither a string, a number nor a boolean", s)
			}
		}
		*w = append(*w, s)
	}
	return nil
}
