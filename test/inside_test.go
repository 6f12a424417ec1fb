package test

import (
	_ "embed"
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

//go:embed testdata/call.py
var callCode string

// call is an order to the function of testdata/call.py.
type call struct {
	Service string            `json:"service"`
	Host    string            `json:"host"`
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"`
	Body    string            `json:"body,omitempty"`
	Own     bool              `json:"own,omitempty"` // with the execution role's credentials
	Key     string            `json:"key,omitempty"`
	Secret  string            `json:"secret,omitempty"`
	More    map[string]string `json:"more,omitempty"` // headers that are not signed
}

const whoAmI = "Action=GetCallerIdentity&Version=2011-06-15"

// TestAPIFromInside calls the API from functions: with their own credentials it
// answers wherever a way leads to it; the machine's key and Weir's own
// operations are for the machine alone.
func TestAPIFromInside(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	p := open(d.root(t), "inside", "10.0.0.0/16")
	p.python("private", p.role, callCode, at(p.private, p.group))
	p.python("lone", p.role, callCode, at(p.lone, p.group))
	p.python("none", p.role, callCode, place{})
	own := call{Service: "sts", Host: "sts.us-east-1.amazonaws.com", Body: whoAmI, Own: true}
	machine := own
	machine.Own, machine.Key, machine.Secret = false, "test", "test"
	disguised := machine
	disguised.More = map[string]string{"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-Ip": "127.0.0.1"}
	health := call{Host: "lambda.us-east-1.amazonaws.com", Method: "GET", Path: "/_weir/health"}
	reset := call{Host: "ec2.us-east-1.amazonaws.com", Path: "/_weir/reset", More: disguised.More}
	for _, w := range []struct {
		name, function string
		order          call
		status         int
		want           string
	}{
		{"own credentials", "private", own, 200, "assumed-role/inside/private</Arn>"},
		{"own credentials, no VPC", "none", own, 200, "assumed-role/inside/none</Arn>"},
		{"no way to the API", "lone", own, 0, ""},
		{"the machine's key", "private", machine, 403, "InvalidClientTokenId"},
		{"the machine's key, no VPC", "none", machine, 403, "InvalidClientTokenId"},
		{"the machine's key, disguised", "none", disguised, 403, "InvalidClientTokenId"},
		{"Weir's health", "none", health, 404, ""},
		{"Weir's reset", "none", reset, 404, ""},
	} {
		t.Run(w.name, func(t *testing.T) {
			var got fetched
			p.with(t).invoke(w.function, w.order).into(t, &got)
			denied := w.status == 404 && got.Status >= 400 && !strings.Contains(got.Body, "pid")
			if got.Status != w.status && !denied || !strings.Contains(got.Body, w.want) {
				t.Errorf("got %+v, want %d with %q", got, w.status, w.want)
			}
		})
	}
	if _, err := p.ec2.DescribeSubnets(p.ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{p.lone}}); err != nil {
		t.Errorf("a function has reset everything: %v", err)
	}
	t.Run("the machine", func(t *testing.T) { p.with(t).machineFromServiceNetwork(t, p, d) })
}

// machineFromServiceNetwork scans this machine's own addresses, and a VPC's,
// from a function without VPC.
func (c *tenant) machineFromServiceNetwork(t *testing.T, p *page, d *daemon) {
	c.python("scan", p.role, scanCode, place{})
	s := scan{Do: "scan"}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n := a.(*net.IPNet); !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			s.all(n.IP.String(), d.port(t))
		}
	}
	for _, a := range []string{"169.254.169.254", "169.254.1.1", "10.0.0.1", "10.0.0.2", "10.0.1.4", "10.0.2.4", "172.31.0.2", "172.31.0.1", "100.127.0.1", p.natAddr} {
		s.all(a, d.port(t))
	}
	var got map[string]string
	c.invoke("scan", s).into(t, &got)
	for _, a := range answers(got) {
		if !strings.Contains(a, "EHOSTUNREACH") { // the internet's router refuses private addresses
			t.Errorf("a function without VPC reached %s", a)
		}
	}
	c.instances(t)
}
