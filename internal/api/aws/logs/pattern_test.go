package logs

import (
	"strings"
	"testing"
)

// The messages and patterns are those of the vendor's guide, "Filter pattern
// syntax", and variations.
func TestTerms(t *testing.T) {
	messages := []string{
		"[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST", "[ERROR 419] MISSING ARGUMENTS",
		"[ERROR 420] INVALID ARGUMENTS", "[WARN] slow", `say "hi" \ there`,
	}
	for pattern, want := range map[string]string{
		"":                         "012345",
		"   ":                      "012345",
		"ERROR":                    "0123",
		"error":                    "",
		"ERROR ARGUMENTS":          "23",
		"  ERROR   REQUEST  ":      "01",
		"ERROR -ARGUMENTS":         "01",
		"-ERROR":                   "45",
		"-ERROR -WARN":             "5",
		"?INVALID ?MISSING":        "23",
		"?INVALID ?WARN":           "34",
		"?INVALID ERROR":           "0123", // "any" terms are ignored beside others
		`"BAD REQUEST"`:            "0",
		`"ERROR 4"`:                "0123",
		`"ERROR 4" -"[ERROR 42"`:   "012",
		`?"[WARN]" ?"BAD REQUEST"`: "04",
		`"\"hi\""`:                 "5",
		`"\\ there"`:               "5",
		"%4[01]0%":                 "0",
		"%UNAUTH|WARN%":            "14",
		"ERROR %4.9%":              "2",
	} {
		match, err := compile(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got strings.Builder
		for i, m := range messages {
			if match == nil || match(m) {
				got.WriteByte(byte('0' + i))
			}
		}
		if got.String() != want {
			t.Errorf("%s matches %s, want %s", pattern, got.String(), want)
		}
	}
}

// The first is the event of the vendor's guide, "JSON log events".
func TestJSONPatterns(t *testing.T) {
	messages := []string{
		`{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
		  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c"}`,
		`{"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2}], "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6]], "ok": true}`,
		`{"user": {"id": 4.5}, "ok": false, "SomeObject": 1}`,
		`UpdateTrail`, `["UpdateTrail"]`, `null`, ``,
	}
	for pattern, want := range map[string]string{
		`{ $.eventType = "UpdateTrail" }`:            "0",
		`{$.eventType=UpdateTrail}`:                  "0",
		`{ $.eventType = "Update*" }`:                "0",
		`{ $.eventType = "*Tr*l" }`:                  "0",
		`{ $.eventType = "*tr*" }`:                   "",
		`{ $.sourceIPAddress != 123.123.* }`:         "0",
		`{ $.sourceIPAddress != 111.111.* }`:         "",
		`{ $.arrayKey[0] = "value" }`:                "0",
		`{ $.arrayKey[9] = "value" }`:                "",
		`{ $.objectList[1].id = 2 }`:                 "0",
		`{ $.coordinates[1][2] >= 6 }`:               "1",
		`{ $["cluster.name"] = "c" }`:                "0",
		`{ $.user.id = 1 }`:                          "1",
		`{ $.user.id != 1 }`:                         "2",
		`{ $.user.id > 1 }`:                          "2",
		`{ $.user.id >= 1 && $.user.id < 4.5 }`:      "1",
		`{ $.user.id = 4.5e0 }`:                      "2",
		`{ $.user.id = "1" }`:                        "1",
		`{ ($.user.id = 1) && ($.users[0].id = 2) }`: "1",
		`{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = 9) && $.actions[2] = "DELETE" }`: "1",
		`{ $.user.id = 1 || $.user.id = 4.5 && $.ok IS TRUE }`:                                                 "1",
		`{ ($.user.id = 1 || $.user.id = 4.5) && $.ok IS FALSE }`:                                              "2",
		`{ $.SomeObject IS NULL }`:    "0",
		`{ $.SomeObject NOT EXISTS }`: "1",
		`{ $.SomeObject EXISTS }`:     "02",
		`{ $.eventType = %Trail$% }`:  "0",
	} {
		match, err := compile(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got strings.Builder
		for i, m := range messages {
			if match(m) {
				got.WriteByte(byte('0' + i))
			}
		}
		if got.String() != want {
			t.Errorf("%s matches %q, want %q", pattern, got.String(), want)
		}
	}
}

var badPatterns = []string{
	"foo-bar", "a.b", `"open`, "?", "-", "%open", "%(a)%", "%[%", "[a, b]",
	"{", "{}", "{ $ }", "{ $. = 1 }", "{ $.a }", "{ $.a = }", "{ $.a = 1", "{ $.a = 1 $.b = 2 }", "{ ($.a = 1 }",
	"{ $.a = 1 && }", "{ $.a > x }", `{ $.a > "1" }`, "{ $.a[ = 1 }", "{ $.a[-1] = 1 }", `{ $.a = "x }`, "{ a = 1 }", "{ $.a = 1 } }",
	"{" + strings.Repeat("(", 1000),
}

func TestBadPatterns(t *testing.T) {
	for _, p := range badPatterns {
		if _, err := compile(p); err == nil {
			t.Errorf("%s is accepted", p)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, p := range append(badPatterns, `{ $.a = 1 && ($["b"][0] != "x*" || $.c IS NULL) }`, `?a "b c" -d %e%`) {
		f.Add(p, `{"a": 1, "b": ["y"]}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if match, err := compile(pattern); err == nil && match != nil {
			match(message)
		}
	})
}
