package sls

import "testing"

func TestQuery(t *testing.T) {
	line := fields{"__topic__": "FCLogs:hello", "functionName": "hello", "requestID": "1-abc-def", "message": "Connection refused: 10.0.0.5 (ECONNREFUSED)"}
	for _, c := range []struct {
		query string
		want  bool
	}{
		{"", true}, {"*", true}, {"refused", true}, {"REFUSED connection", true}, {"refuse", false}, {"refuse*", true},
		{"econnrefused", true}, {"functionName: hello", true}, {"functionName:world", false}, {"functionName:hello and not refused", false},
		{"world or refused", true}, {"not world", true}, {"(world or refused) and 10.0.0.5", true}, {"world or refused and nothing", false},
		{`"connection refused"`, true}, {`message:"connection lost"`, false}, {"__topic__:FCLogs:hello", true}, {"__topic__:FCLogs:other", false},
		{"requestID:1-abc-def", true}, {"absent:*", false}, {"functionName:*", true}, {"FCLogs", false}, {`"a | b"`, false}, {`"not" refused`, false},
	} {
		q, err := parseQuery(c.query)
		if err != nil {
			t.Errorf("%q: %v", c.query, err)
		} else if q(line) != c.want {
			t.Errorf("%q finds the line: %v, want %v", c.query, !c.want, c.want)
		}
	}
	for _, bad := range []string{"(a", "a)", "and", "a and", "a:", "or b", "not", `"a`, ":a", "* | select 1"} {
		if _, err := parseQuery(bad); err == nil {
			t.Errorf("%q is taken for a statement", bad)
		}
	}
}
