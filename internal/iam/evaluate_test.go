package iam

import "testing"

const (
	alice   = "arn:aws:iam::111122223333:user/alice"
	role    = "arn:aws:iam::111122223333:role/app"
	session = "arn:aws:sts::111122223333:assumed-role/app/s1"
	root    = "arn:aws:iam::111122223333:root"
	thing   = "arn:aws:s3:::bucket/key"
)

func user() []Principal { return []Principal{{"AWS", alice}, {"AWS", root}} }

func assumed() []Principal { return []Principal{{"AWS", session}, {"AWS", role}, {"AWS", root}} }

func docs(t *testing.T, use Usage, texts []string) []*Document {
	t.Helper()
	if texts == nil {
		return nil
	}
	out := []*Document{}
	for _, text := range texts {
		d, err := Parse(`{"Version":"2012-10-17","Statement":`+text+`}`, use)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func allowTo(principal string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:*","Resource":"*"}`
}

func denyTo(element, principal string) string {
	return `{"Effect":"Deny","` + element + `":` + principal + `,"Action":"s3:*","Resource":"*"}`
}

const (
	allowGet   = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
	allowOther = `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`
	denyAll    = `{"Effect":"Deny","Action":"*","Resource":"*"}`
)

// TestEvaluate states the vendor's rules one by one; "" in want is an allow.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func TestEvaluate(t *testing.T) {
	none := []string{}
	tests := map[string]struct {
		who                                             []Principal // nil is alice
		identity, resource, boundary, session, endpoint []string
		other                                           bool // the resource is another account's
		want                                            string
		explicit                                        bool
	}{
		"nothing is allowed by default": {want: KindIdentity},
		"allowed":                       {identity: []string{allowGet}},
		"another action":                {identity: []string{allowOther}, want: KindIdentity},
		"explicit deny wins":            {identity: []string{allowGet, denyAll}, want: KindIdentity, explicit: true},
		"deny in resource wins":         {identity: []string{allowGet}, resource: []string{denyTo("Principal", `"*"`)}, want: KindResource, explicit: true},
		"deny in boundary wins":         {identity: []string{allowGet}, boundary: []string{allowGet, denyAll}, want: KindBoundary, explicit: true},
		"deny in session wins":          {who: assumed(), identity: []string{allowGet}, session: []string{allowGet, denyAll}, want: KindSession, explicit: true},
		"deny to the account":           {resource: []string{allowTo(`{"AWS":"` + alice + `"}`), denyTo("Principal", `{"AWS":"111122223333"}`)}, want: KindResource, explicit: true},
		"deny to the role":              {who: assumed(), identity: []string{allowGet}, resource: []string{denyTo("Principal", `{"AWS":"`+role+`"}`)}, want: KindResource, explicit: true},

		"inside the boundary":       {identity: []string{allowGet}, boundary: []string{allowGet}},
		"outside the boundary":      {identity: []string{allowGet}, boundary: []string{allowOther}, want: KindBoundary},
		"boundary gives nothing":    {boundary: []string{allowGet}, want: KindIdentity},
		"empty boundary":            {identity: []string{allowGet}, boundary: none, want: KindBoundary},
		"inside the session policy": {who: assumed(), identity: []string{allowGet}, session: []string{allowGet}},
		"outside session policy":    {who: assumed(), identity: []string{allowGet}, session: []string{allowOther}, want: KindSession},
		"session policy gives none": {who: assumed(), session: []string{allowGet}, want: KindIdentity},
		"all three agree":           {who: assumed(), identity: []string{allowGet}, boundary: []string{allowGet}, session: []string{allowGet}},
		"session but not boundary":  {who: assumed(), identity: []string{allowGet}, boundary: []string{allowOther}, session: []string{allowGet}, want: KindBoundary},

		"resource names the user":                  {resource: []string{allowTo(`{"AWS":"` + alice + `"}`)}},
		"resource names the user, beside boundary": {resource: []string{allowTo(`{"AWS":"` + alice + `"}`)}, boundary: []string{allowOther}},
		"resource names another":                   {resource: []string{allowTo(`{"AWS":"` + alice + `2"}`)}, want: KindIdentity},
		"resource names everybody":                 {resource: []string{allowTo(`"*"`)}},
		"resource names every AWS":                 {resource: []string{allowTo(`{"AWS":"*"}`)}},
		"resource names the account":               {resource: []string{allowTo(`{"AWS":"` + root + `"}`)}, want: KindIdentity},
		"resource names the account's number":      {resource: []string{allowTo(`{"AWS":"111122223333"}`)}, want: KindIdentity},
		"account named, own policy":                {identity: []string{allowGet}, resource: []string{allowTo(`{"AWS":"` + root + `"}`)}},
		"resource names the session":               {who: assumed(), resource: []string{allowTo(`{"AWS":"` + session + `"}`)}, boundary: []string{allowOther}, session: []string{allowOther}},
		"resource names the role":                  {who: assumed(), resource: []string{allowTo(`{"AWS":"` + role + `"}`)}},
		"role named, outside boundary":             {who: assumed(), resource: []string{allowTo(`{"AWS":"` + role + `"}`)}, boundary: []string{allowOther}, want: KindIdentity},
		"role named, outside session policy":       {who: assumed(), resource: []string{allowTo(`{"AWS":"` + role + `"}`)}, session: []string{allowOther}, want: KindIdentity},
		"everybody, outside session policy":        {who: assumed(), resource: []string{allowTo(`"*"`)}, session: []string{allowOther}, want: KindIdentity},
		"root itself":                              {who: []Principal{{"AWS", root}}, resource: []string{allowTo(`{"AWS":"` + root + `"}`)}},
		"a service":                                {who: []Principal{{"Service", "events.amazonaws.com"}}, resource: []string{allowTo(`{"Service":"events.amazonaws.com"}`)}},
		"another service":                          {who: []Principal{{"Service", "events.amazonaws.com"}}, resource: []string{allowTo(`{"Service":"s3.amazonaws.com"}`)}, want: KindIdentity},
		"a type is part of the name":               {who: []Principal{{"Service", "events.amazonaws.com"}}, resource: []string{allowTo(`{"AWS":"events.amazonaws.com"}`)}, want: KindIdentity},

		"other account, both sides":              {other: true, identity: []string{allowGet}, resource: []string{allowTo(`{"AWS":"` + root + `"}`)}},
		"other account, user named":              {other: true, identity: []string{allowGet}, resource: []string{allowTo(`{"AWS":"` + alice + `"}`)}},
		"other account, only its side":           {other: true, resource: []string{allowTo(`{"AWS":"` + alice + `"}`)}, want: KindIdentity},
		"other account, only our side":           {other: true, identity: []string{allowGet}, want: KindResource},
		"other account, outside boundary":        {other: true, identity: []string{allowGet}, boundary: []string{allowOther}, resource: []string{allowTo(`{"AWS":"` + alice + `"}`)}, want: KindBoundary},
		"other account, session named, no right": {other: true, who: assumed(), resource: []string{allowTo(`{"AWS":"` + session + `"}`)}, want: KindIdentity},

		"through an endpoint that allows it": {identity: []string{allowGet}, endpoint: []string{allowTo(`{"AWS":"` + alice + `"}`)}},
		"through an endpoint for others":     {identity: []string{allowGet}, endpoint: []string{allowTo(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`)}, want: KindEndpoint},
		"an endpoint's policy gives nothing": {endpoint: []string{allowTo(`"*"`)}, want: KindIdentity},
		"through an endpoint that refuses":   {identity: []string{allowGet}, endpoint: []string{allowTo(`"*"`), denyTo("Principal", `"*"`)}, want: KindEndpoint, explicit: true},

		"NotPrincipal spares whom it lists":     {identity: []string{allowGet}, resource: []string{denyTo("NotPrincipal", `{"AWS":["`+alice+`","`+root+`"]}`)}},
		"NotPrincipal refuses others":           {identity: []string{allowGet}, resource: []string{denyTo("NotPrincipal", `{"AWS":["arn:aws:iam::111122223333:user/bob","`+root+`"]}`)}, want: KindResource, explicit: true},
		"NotPrincipal must list the account":    {identity: []string{allowGet}, resource: []string{denyTo("NotPrincipal", `{"AWS":"`+alice+`"}`)}, want: KindResource, explicit: true},
		"NotPrincipal must list role and all":   {who: assumed(), identity: []string{allowGet}, resource: []string{denyTo("NotPrincipal", `{"AWS":["`+role+`","`+root+`"]}`)}, want: KindResource, explicit: true},
		"NotPrincipal lists session, role, all": {who: assumed(), identity: []string{allowGet}, resource: []string{denyTo("NotPrincipal", `{"AWS":["`+session+`","`+role+`","`+root+`"]}`)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.who == nil {
				tt.who = user()
			}
			r := Request{Principals: tt.who, Action: "s3:GetObject", Resource: thing, SameAccount: !tt.other}
			d := Evaluate(r, Policies{docs(t, Identity, tt.identity), docs(t, Resource, tt.resource), docs(t, Identity, tt.boundary), docs(t, Identity, tt.session), docs(t, Resource, tt.endpoint)})
			if d.Allowed != (tt.want == "") || !d.Allowed && (d.Kind != tt.want || d.Explicit != tt.explicit) {
				t.Errorf("got %+v, want %q, explicit %t", d, tt.want, tt.explicit)
			}
		})
	}
}

// TestStatements states what a single identity statement covers.
func TestStatements(t *testing.T) {
	tests := map[string]struct {
		statement, action, resource string
		context                     map[string][]string
		want                        bool
	}{
		"action":                   {`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, "s3:GetObject", thing, nil, true},
		"action's case":            {`{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, "s3:GetObject", thing, nil, true},
		"action's wildcard":        {`{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`, "s3:GetObject", thing, nil, true},
		"wildcard over vendors":    {`{"Effect":"Allow","Action":"*:GetObject","Resource":"*"}`, "s3:GetObject", thing, nil, true},
		"no prefix match":          {`{"Effect":"Allow","Action":"s3:Get","Resource":"*"}`, "s3:GetObject", thing, nil, false},
		"NotAction, listed":        {`{"Effect":"Allow","NotAction":["iam:*","s3:*"],"Resource":"*"}`, "s3:GetObject", thing, nil, false},
		"NotAction, not listed":    {`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, "s3:GetObject", thing, nil, true},
		"resource":                 {`{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::other/*","arn:aws:s3:::bucket/*"]}`, "s3:GetObject", thing, nil, true},
		"resource's case":          {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::Bucket/*"}`, "s3:GetObject", thing, nil, false},
		"no resource of its own":   {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/*"}`, "ec2:DescribeVpcs", "*", nil, false},
		"NotResource, listed":      {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::bucket/*"}`, "s3:GetObject", thing, nil, false},
		"NotResource, not listed":  {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::other/*"}`, "s3:GetObject", thing, nil, true},
		"variable":                 {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:username}"}`, "s3:GetObject", thing, map[string][]string{"aws:username": {"key"}}, true},
		"variable's case":          {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:UserName}"}`, "s3:GetObject", thing, map[string][]string{"aws:username": {"key"}}, true},
		"variable without value":   {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:username}"}`, "s3:GetObject", "arn:aws:s3:::bucket/", nil, false},
		"variable with a wildcard": {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:username}"}`, "s3:GetObject", thing, map[string][]string{"aws:username": {"*"}}, false},
		"variable's wildcard":      {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:username}/*"}`, "s3:GetObject", "arn:aws:s3:::bucket/*/a", map[string][]string{"aws:username": {"*"}}, true},
		"NotResource, no value":    {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::bucket/${aws:username}"}`, "s3:GetObject", thing, nil, false},
		"condition":                {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`, "s3:GetObject", thing, map[string][]string{"aws:SecureTransport": {"false"}}, false},
		"two operators":            {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, "s3:GetObject", thing, map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceIp": {"203.0.113.7"}}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Request{Principals: user(), Action: tt.action, Resource: tt.resource, Context: tt.context, SameAccount: true}
			if d := Evaluate(r, Policies{Identity: docs(t, Identity, []string{tt.statement})}); d.Allowed != tt.want {
				t.Errorf("got %+v", d)
			}
		})
	}
	// A refusal by NotResource holds even where the variable in it has no value.
	deny := `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::bucket/${aws:username}"}]`
	r := Request{Principals: user(), Action: "s3:GetObject", Resource: thing, SameAccount: true}
	if d := Evaluate(r, Policies{Identity: docs(t, Identity, []string{deny})}); d.Allowed {
		t.Error("a refusal vanished with its variable")
	}
}

// TestAssume states when a role may be assumed.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func TestAssume(t *testing.T) {
	may := `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/target"}`
	to := func(p string) string {
		return `{"Effect":"Allow","Principal":` + p + `,"Action":"sts:AssumeRole"}`
	}
	tests := map[string]struct {
		who             []Principal
		identity, trust []string
		other           bool
		want            bool
	}{
		"trust names the user":               {user(), nil, []string{to(`{"AWS":"` + alice + `"}`)}, false, true},
		"trust names the account":            {user(), nil, []string{to(`{"AWS":"` + root + `"}`)}, false, false},
		"and so does the user's policy":      {user(), []string{may}, []string{to(`{"AWS":"` + root + `"}`)}, false, true},
		"the user's policy alone":            {user(), []string{may}, []string{to(`{"Service":"lambda.amazonaws.com"}`)}, false, false},
		"trust names the role":               {assumed(), nil, []string{to(`{"AWS":"` + role + `"}`)}, false, true},
		"user refuses":                       {user(), []string{denyAll}, []string{to(`{"AWS":"` + alice + `"}`)}, false, false},
		"other account, trust alone":         {user(), nil, []string{to(`{"AWS":"` + alice + `"}`)}, true, false},
		"other account, both":                {user(), []string{may}, []string{to(`{"AWS":"111122223333"}`)}, true, true},
		"trust with a condition on a secret": {user(), nil, []string{`{"Effect":"Allow","Principal":{"AWS":"` + alice + `"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Request{Principals: tt.who, Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/target", SameAccount: !tt.other, Trust: true}
			if d := Evaluate(r, Policies{Identity: docs(t, Identity, tt.identity), Resource: docs(t, Trust, tt.trust)}); d.Allowed != tt.want {
				t.Errorf("got %+v", d)
			}
		})
	}
}
