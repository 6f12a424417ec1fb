package iam

import (
	"encoding/json"
	"fmt"
	"maps"
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
	Actions    []string    // in small letters: actions have no case
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

// SyntaxError says what is wrong with a document, in the vendor's sentence where
// one is known.
type SyntaxError struct{ Msg string }

func (e *SyntaxError) Error() string { return e.Msg }

func grammar(format string, args ...any) error { return &SyntaxError{fmt.Sprintf(format, args...)} }

// syntax is a fault that the vendor has one sentence for; ours says which.
func syntax(format string, args ...any) error {
	return grammar("Syntax errors in policy. (%s)", fmt.Sprintf(format, args...))
}

var versions = []string{"", "2012-10-17", "2008-10-17", "1"}

// Parse reads a policy document and checks its grammar for this usage.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func Parse(doc string, use Usage) (*Document, error) {
	if use == Trust && !json.Valid([]byte(doc)) {
		return nil, grammar("This policy contains invalid Json")
	}
	raw, err := object([]byte(doc), "the document", "Version", "Id", "Statement")
	if err != nil {
		return nil, err
	}
	d := &Document{}
	if d.Version, err = text(raw["Version"], "Version"); err != nil {
		return nil, err
	}
	if d.ID, err = text(raw["Id"], "Id"); err != nil {
		return nil, err
	}
	if !slices.Contains(versions, d.Version) {
		return nil, grammar("Policy document must be version 2012-10-17 or greater.")
	}
	list, err := statements(raw["Statement"])
	if err != nil {
		return nil, err
	}
	sids := map[string]bool{}
	for _, b := range list {
		s, err := parseStatement(b, use)
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] {
			return nil, grammar("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.Sid] = true
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

func statements(b json.RawMessage) ([]json.RawMessage, error) {
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

func parseStatement(b json.RawMessage, use Usage) (Statement, error) {
	var s Statement
	raw, err := object(b, "a statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
	if err != nil {
		return s, err
	}
	if s.Sid, err = text(raw["Sid"], "Sid"); err != nil {
		return s, err
	}
	effect, err := text(raw["Effect"], "Effect")
	if err != nil {
		return s, err
	}
	if s.Deny = effect == "Deny"; !s.Deny && effect != "Allow" {
		return s, syntax("Effect is %q; write Allow or Deny", effect)
	}
	if err := s.actions(raw, use); err != nil {
		return s, err
	}
	if err := s.resources(raw, use); err != nil {
		return s, err
	}
	if err := s.principals(raw, use); err != nil {
		return s, err
	}
	if raw["Condition"] != nil {
		s.Conditions, err = parseConditions(raw["Condition"])
	}
	return s, err
}

// either picks an element or its Not form; nil if neither stands there.
func either(raw map[string]json.RawMessage, name string) (list []string, not bool, err error) {
	yes, no := raw[name], raw["Not"+name]
	if yes != nil && no != nil {
		return nil, false, syntax("a statement has both %s and Not%s", name, name)
	}
	if no != nil {
		list, err = words(no, "Not"+name)
		return list, true, err
	}
	list, err = words(yes, name)
	return list, false, err
}

func (s *Statement) actions(raw map[string]json.RawMessage, use Usage) (err error) {
	if s.Actions, s.NotAction, err = either(raw, "Action"); err != nil {
		return err
	}
	if len(s.Actions) == 0 {
		return grammar("Policy statement must contain actions.")
	}
	for i, a := range s.Actions {
		s.Actions[i] = strings.ToLower(a)
		service, name, ok := strings.Cut(a, ":")
		switch {
		case a == "*" && use != Trust:
		case !ok && strings.Trim(a, "*") == "" && use != Trust:
		case use == Trust && !strings.EqualFold(service, "sts"):
			return grammar("AssumeRole policy may only specify STS AssumeRole actions.")
		case !ok || service == "" || name == "":
			return grammar("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		case strings.Contains(name, ":") && use == Identity:
			return grammar("Actions/Condition can contain only one colon.")
		}
	}
	return nil
}

func (s *Statement) resources(raw map[string]json.RawMessage, use Usage) (err error) {
	if s.Resources, s.NotRes, err = either(raw, "Resource"); err != nil {
		return err
	}
	switch {
	case use == Trust && s.Resources != nil:
		return grammar("Has prohibited field Resource")
	case use != Trust && len(s.Resources) == 0:
		return grammar("Policy statement must contain resources.")
	}
	for _, r := range s.Resources {
		if !strings.HasPrefix(r, "arn:") && !strings.HasPrefix(r, "acs:") && !strings.HasPrefix(r, "*") && use == Identity {
			return grammar(`Resource %s must be in ARN format or "*".`, r)
		}
	}
	return nil
}

func (s *Statement) principals(raw map[string]json.RawMessage, use Usage) error {
	b, not := raw["Principal"], raw["NotPrincipal"]
	switch {
	case b != nil && not != nil:
		return syntax("a statement has both Principal and NotPrincipal")
	case use == Identity && (b != nil || not != nil):
		return grammar("Policy document should not specify a principal.")
	case use == Identity:
		return nil
	case use == Trust && not != nil:
		return grammar("Has prohibited field NotPrincipal")
	case b == nil && not == nil:
		return grammar("Missing required field Principal")
	}
	if not != nil {
		b, s.NotPrinc = not, true
	}
	var every string
	if json.Unmarshal(b, &every) == nil && b[0] == '"' {
		if every != "*" {
			return grammar("Invalid principal in policy: %q", every)
		}
		s.Principals = []Principal{{"*", "*"}}
		return nil
	}
	byType, err := object(b, "Principal")
	if err != nil {
		return err
	}
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		values, err := words(byType[t], "Principal")
		if err != nil {
			return err
		}
		for _, v := range values {
			s.Principals = append(s.Principals, Principal{t, v})
		}
	}
	if len(s.Principals) == 0 {
		return syntax("Principal names nobody")
	}
	return nil
}
