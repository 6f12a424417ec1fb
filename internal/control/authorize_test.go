package control

import (
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/logs"
	"weir/internal/store"
)

func authority(t *testing.T) *Control {
	t.Helper()
	c := New(Deps{Store: store.NewMemory(cloud.Schema()), Blobs: store.NewMemoryBlobs(), Logs: logs.NewMemory()}, Options{Account: "111122223333"})
	if err := c.Bootstrap(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAuthorizeByResource states what the policy of a resource alone decides.
func TestAuthorizeByResource(t *testing.T) {
	c := authority(t)
	const policy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:*:*:rule/r"}}},
		{"Effect":"Deny","Principal":"*","Action":"lambda:DeleteFunction","Resource":"*"}]}`
	events := cloud.Principal{Kind: cloud.PrincipalService, Name: "events.amazonaws.com"}
	root := cloud.Principal{Kind: cloud.PrincipalRoot, Account: "111122223333", Name: "root"}
	named := func(kind, name string) []PrincipalName { return []PrincipalName{{Type: kind, Value: name}} }
	tests := map[string]struct {
		who    cloud.Principal
		access Access
		reason string // "" is allowed
	}{
		"a service": {events, Access{Action: "lambda:InvokeFunction", Names: named("Service", "events.amazonaws.com"), Account: "111122223333", Policy: policy,
			Context: map[string][]string{"aws:SourceArn": {"arn:aws:events:us-east-1:111122223333:rule/r"}}}, ""},
		"a service for another source": {events, Access{Action: "lambda:InvokeFunction", Names: named("Service", "events.amazonaws.com"), Account: "111122223333", Policy: policy,
			Context: map[string][]string{"aws:SourceArn": {"arn:aws:events:us-east-1:111122223333:rule/s"}}}, "no-allow"},
		"another service":             {events, Access{Action: "lambda:InvokeFunction", Names: named("Service", "s3.amazonaws.com"), Account: "111122223333", Policy: policy}, "no-allow"},
		"a service without a policy":  {events, Access{Action: "lambda:InvokeFunction", Names: named("Service", "events.amazonaws.com"), Account: "111122223333"}, "no-allow"},
		"root":                        {root, Access{Action: "lambda:InvokeFunction", Policy: policy, Names: named("AWS", "arn:aws:iam::111122223333:root")}, ""},
		"root, refused by the policy": {root, Access{Action: "lambda:DeleteFunction", Policy: policy, Names: named("AWS", "arn:aws:iam::111122223333:root")}, "explicit-deny"},
		"root at another account's":   {root, Access{Action: "lambda:InvokeFunction", Account: "444455556666", Names: named("AWS", "arn:aws:iam::111122223333:root")}, "no-allow"},
		"an unknown kind":             {cloud.Principal{Account: "111122223333"}, Access{Action: "lambda:InvokeFunction"}, "no-allow"},
		"a user who is gone":          {cloud.Principal{Kind: cloud.PrincipalUser, Account: "111122223333", Name: "gone"}, Access{Action: "lambda:InvokeFunction"}, "no-allow"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.access.Resource = "arn:aws:lambda:us-east-1:111122223333:function:f"
			err := c.Authorize(tt.who, tt.access)
			if tt.reason == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if e, _ := err.(*cloud.Error); tt.reason != "" && (e == nil || e.Kind != cloud.Denied || e.Reason != tt.reason) {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
		})
	}
}

// A reset voids every session, though the clock has not.
func TestResetVoidsSessions(t *testing.T) {
	c := authority(t)
	s, err := c.IssueSession(t.Context(), cloud.Principal{Kind: cloud.PrincipalRoot, Account: "111122223333"}, "ASIAEXAMPLE", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, p, _, err := c.Credential(s.KeyID, s.Token); err != nil || !p.Temporary {
		t.Fatalf("fresh session: %+v, %v", p, err)
	}
	if err := c.Reset(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.Credential(s.KeyID, s.Token); !cloud.IsKind(err, cloud.Denied) {
		t.Errorf("after the reset: %v", err)
	}
}
