package iam

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	const (
		stmt   = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
		syntax = "Syntax errors in policy."
	)
	tests := map[string]struct {
		use       Usage
		doc, want string
	}{
		"no JSON":               {Identity, `{`, syntax},
		"empty":                 {Identity, ``, syntax},
		"a list":                {Identity, `[]`, syntax},
		"trailing text":         {Identity, `{"Statement":{` + stmt + `}} x`, syntax},
		"second document":       {Identity, `{"Statement":{` + stmt + `}}{}`, syntax},
		"no statement":          {Identity, `{"Version":"2012-10-17"}`, syntax},
		"empty statement list":  {Identity, `{"Statement":[]}`, syntax},
		"unknown element":       {Identity, `{"Statement":{` + stmt + `,"Resorce":"*"}}`, syntax},
		"element in small case": {Identity, `{"Statement":{"effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`, syntax},
		"effect twice":          {Identity, `{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`, syntax},
		"effect in small case":  {Identity, `{"Statement":{"Effect":"allow","Action":"s3:GetObject","Resource":"*"}}`, syntax},
		"no effect":             {Identity, `{"Statement":{"Action":"s3:GetObject","Resource":"*"}}`, syntax},
		"both action elements":  {Identity, `{"Statement":{` + stmt + `,"NotAction":"a:b"}}`, syntax},
		"null statement":        {Identity, `{"Statement":null}`, syntax},
		"null action":           {Identity, `{"Statement":{"Effect":"Allow","Action":null,"Resource":"*"}}`, syntax},
		"null in action":        {Identity, `{"Statement":{"Effect":"Allow","Action":["a:b",null],"Resource":"*"}}`, syntax},
		"number as action":      {Identity, `{"Statement":{"Effect":"Allow","Action":3,"Resource":"*"}}`, syntax},
		"null character":        {Identity, `{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"arn:\u0000*"}}`, syntax},
		"version":               {Identity, `{"Version":"2012-10-18","Statement":{` + stmt + `}}`, "Policy document must be version 2012-10-17 or greater."},
		"same Sid":              {Identity, `{"Statement":[{"Sid":"a",` + stmt + `},{"Sid":"a",` + stmt + `}]}`, "Statement IDs (SID) in a single policy must be unique."},
		"no action":             {Identity, `{"Statement":{"Effect":"Allow","Resource":"*"}}`, "Policy statement must contain actions."},
		"empty action":          {Identity, `{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}`, "Policy statement must contain actions."},
		"no resource":           {Identity, `{"Statement":{"Effect":"Allow","Action":"s3:GetObject"}}`, "Policy statement must contain resources."},
		"action without vendor": {Identity, `{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		"two colons":            {Identity, `{"Statement":{"Effect":"Allow","Action":"a:b:c","Resource":"*"}}`, "Actions/Condition can contain only one colon."},
		"resource is no ARN":    {Identity, `{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"bucket"}}`, `Resource bucket must be in ARN format or "*".`},
		"principal in identity": {Identity, `{"Statement":{` + stmt + `,"Principal":"*"}}`, "Policy document should not specify a principal."},
		"unknown operator":      {Identity, `{"Statement":{` + stmt + `,"Condition":{"StringIs":{"a:b":"c"}}}}`, "Invalid Condition type : StringIs."},
		"NullIfExists":          {Identity, `{"Statement":{` + stmt + `,"Condition":{"NullIfExists":{"a:b":"true"}}}}`, "Invalid Condition type : NullIfExists."},
		"key without vendor":    {Identity, `{"Statement":{` + stmt + `,"Condition":{"StringEquals":{"b":"c"}}}}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		"value is an object":    {Identity, `{"Statement":{` + stmt + `,"Condition":{"StringEquals":{"a:b":{}}}}}`, syntax},
		"value is null":         {Identity, `{"Statement":{` + stmt + `,"Condition":{"StringEquals":{"a:b":null}}}}`, syntax},
		"no address":            {Identity, `{"Statement":{` + stmt + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/99"}}}}`, syntax},
		"no number":             {Identity, `{"Statement":{` + stmt + `,"Condition":{"NumericEquals":{"a:b":"ten"}}}}`, syntax},
		"no date":               {Identity, `{"Statement":{` + stmt + `,"Condition":{"DateLessThan":{"a:b":"tomorrow"}}}}`, syntax},
		"no boolean":            {Identity, `{"Statement":{` + stmt + `,"Condition":{"Bool":{"a:b":"yes"}}}}`, syntax},
		"no principal":          {Resource, `{"Statement":{` + stmt + `}}`, "Missing required field Principal"},
		"principal is a name":   {Resource, `{"Statement":{` + stmt + `,"Principal":"bob"}}`, `Invalid principal in policy: "bob"`},
		"principal is empty":    {Resource, `{"Statement":{` + stmt + `,"Principal":{}}}`, syntax},
		"trust with resource":   {Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}`, "Has prohibited field Resource"},
		"trust in other action": {Trust, `{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Principal":"*"}}`, "AssumeRole policy may only specify STS AssumeRole actions."},
		"trust without whom":    {Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.doc, tt.use)
			var fault *SyntaxError
			if !errors.As(err, &fault) || !strings.HasPrefix(fault.Msg, tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	d, err := Parse(`{"Version":"2012-10-17","Id":"cd3ad3d9","Statement":[
		{"Sid":"first","Effect":"Deny","NotPrincipal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/a"]},
		 "NotAction":["s3:*","*"],"NotResource":"*","Condition":{"NumericLessThan":{"s3:max-keys":[10,"20"]},"Bool":{"aws:SecureTransport":false}}}]}`, Resource)
	if err != nil {
		t.Fatal(err)
	}
	s := d.Statements[0]
	if !s.Deny || !s.NotPrinc || len(s.Principals) != 2 || !s.NotAction || len(s.Actions) != 2 || !s.NotRes || len(s.Conditions) != 2 {
		t.Errorf("got %+v", s)
	}
	if c := s.Conditions[1]; c.Operator != "NumericLessThan" || c.Values[0] != "10" || c.Values[1] != "20" {
		t.Errorf("got %+v", c)
	}
}

// FuzzParse feeds any text: parsing must end, and what it accepts must be
// decidable without a panic, and never allow what names no action.
func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}/*"}}`, 0)
	f.Add(`{"Statement":[{"Effect":"Deny","NotAction":["a:b"],"NotResource":["arn:x"],"Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["a*?"]}}}]}`, 0)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}`, 2)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"a:b","Resource":"${a, 'b'}"}}`, 1)
	f.Fuzz(func(t *testing.T, doc string, use int) {
		d, err := Parse(doc, Usage(use%3))
		if err != nil {
			return
		}
		r := Request{Principals: []Principal{{"AWS", "arn:aws:iam::111122223333:user/a"}}, Action: "a:b", Resource: "arn:aws:s3:::b/é?*",
			Context: map[string][]string{"aws:username": {"a*"}, "aws:TagKeys": {"x", "y"}}, SameAccount: true}
		Evaluate(r, Policies{Identity: []*Document{d}, Resource: []*Document{d}, Session: []*Document{d}})
		for _, s := range d.Statements {
			if len(s.Actions) == 0 {
				t.Errorf("accepted a statement without actions: %q", doc)
			}
		}
	})
}
