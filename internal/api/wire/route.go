package wire

import (
	"net/url"
	"slices"
	"strings"
)

// route is the path template of a REST operation:
// "/2015-03-31/functions/{FunctionName}", "/tags/{ARN+}", "/layers?find=LayerVersion".
type route struct {
	op     *operation
	method string
	parts  []part
	query  url.Values // what the query must hold
}

type part struct {
	text   string // literal, or the label's name
	label  bool
	greedy bool // takes the rest of the path
}

func newRoute(op *operation) *route {
	path, query, _ := strings.Cut(op.Path, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		panic("wire: bad path template " + op.Path)
	}
	r := &route{op: op, method: op.Method, query: q}
	for p := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if p == "" { // the path is "/"
			break
		}
		name, label := strings.CutPrefix(p, "{")
		name = strings.TrimSuffix(name, "}")
		name, greedy := strings.CutSuffix(name, "+")
		r.parts = append(r.parts, part{text: name, label: label, greedy: greedy && label})
	}
	return r
}

// sortRoutes puts the more specific first: a literal before a label at the same
// place, then the longer, then the one that asks more of the query.
func sortRoutes(routes []*route) {
	slices.SortStableFunc(routes, func(a, b *route) int {
		for i := range min(len(a.parts), len(b.parts)) {
			switch pa, pb := a.parts[i], b.parts[i]; {
			case pa.label != pb.label:
				return rank(pa.label) - rank(pb.label)
			case pa.greedy != pb.greedy:
				return rank(pa.greedy) - rank(pb.greedy)
			}
		}
		if len(a.parts) != len(b.parts) {
			return len(b.parts) - len(a.parts)
		}
		return len(b.query) - len(a.query)
	})
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// match compares a path as it was sent, still escaped. Labels are unescaped only
// in bind, so that an escaped slash stays inside its label.
func (r *route) match(method, path string, query url.Values) bool {
	if r.method != method {
		return false
	}
	path = strings.Trim(path, "/")
	for _, p := range r.parts {
		if p.greedy {
			return path != "" && r.matchQuery(query)
		}
		head, tail, _ := strings.Cut(path, "/")
		if head == "" || !p.label && head != p.text {
			return false
		}
		path = tail
	}
	return path == "" && r.matchQuery(query)
}

func (r *route) matchQuery(query url.Values) bool {
	for k, v := range r.query {
		if !query.Has(k) || v[0] != "" && query.Get(k) != v[0] {
			return false
		}
	}
	return true
}

// label returns the unescaped value of a label in a path that matched.
func (r *route) label(path, name string) (string, error) {
	path = strings.Trim(path, "/")
	for _, p := range r.parts {
		head, tail, _ := strings.Cut(path, "/")
		if p.label && p.text == name {
			if p.greedy {
				head = path
			}
			return url.PathUnescape(head)
		}
		path = tail
	}
	return "", nil
}
