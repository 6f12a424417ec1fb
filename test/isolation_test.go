package test

import (
	_ "embed"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

//go:embed testdata/scan.py
var scanCode string

// scan is an order to the function of testdata/scan.py.
type scan struct {
	Do      string  `json:"do"`
	Delay   float64 `json:"delay,omitempty"`   // seconds
	Near    int     `json:"near,omitempty"`    // a port to knock at on all neighbours
	Targets [][]any `json:"targets,omitempty"` // protocol, address, port
	Ranges  [][]any `json:"ranges,omitempty"`  // protocol, address, first port, last port
}

func (s *scan) knock(protocol, addr string, ports ...int) {
	for _, p := range ports {
		s.Targets = append(s.Targets, []any{protocol, addr, p})
	}
}

// all knocks at an address by every protocol, at the ports that services use.
func (s *scan) all(addr string, more ...int) {
	s.knock("tcp", addr, append([]int{22, 53, 80, 111, 443, 2049, 4222, 4566, 8080, 9001}, more...)...)
	s.knock("udp", addr, append([]int{53, 67, 69, 123, 443, 547, 2000, 4789, 5353}, more...)...)
	s.knock("ping", addr, 0)
}

// answers are the targets from which anything came back; a refusal to send at
// all (no route, no permission) is none.
func answers(got map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		switch got[name] {
		case "self", "EPERM", "EACCES", "ENETUNREACH", "EHOSTUNREACH", "EINVAL", "EADDRNOTAVAIL":
		default:
			out = append(out, name+": "+got[name])
		}
	}
	return out
}

// TestSideDoors looks from inside for ways around the network: the function's
// subnet has no route out, so only the VPC's resolver may answer.
func TestSideDoors(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	near := open(d.root(t), "near", "10.0.0.0/16")
	far := open(d.root(t), "far", "10.1.0.0/16")
	twin := open(d.root(t), "twin", "10.0.0.0/16")
	dual := at(near.lone, near.group)
	dual.ipv6 = true
	near.python("scan", near.role, scanCode, dual)
	t.Run("network", func(t *testing.T) { near.with(t).sideDoors(t, near, far, d.port(t)) })
	t.Run("loopback", func(t *testing.T) {
		var got map[string]string
		near.with(t).invoke("scan", scan{Do: "scan", Ranges: [][]any{{"tcp", "127.0.0.1", 1, 65535}, {"udp", "127.0.0.1", 1, 1024}, {"tcp", "::1", 1, 10000}}}).into(t, &got)
		for name, how := range got {
			if how != "ECONNREFUSED" && how != "self" {
				t.Errorf("%s: %s, want nothing to listen", name, how)
			}
		}
		if len(got) != 65535+1024+10000 {
			t.Errorf("%d answers of the loopback, want one from each port", len(got))
		}
	})
	t.Run("machine", func(t *testing.T) { near.with(t).machine(t) })
	t.Run("same CIDR", func(t *testing.T) { sameCIDR(t, near, twin) })
	t.Run("instances", func(t *testing.T) { near.with(t).instances(t) })
}

func (c *tenant) sideDoors(t *testing.T, near, far *page, daemonPort int) {
	s := scan{Do: "scan"}
	for _, a := range []string{
		"10.0.0.1", "10.0.0.2", "10.0.2.1", "10.0.2.2", // the VPC's and the subnet's first
		"169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.170.2", "169.254.79.129", "169.254.1.1", "169.254.0.1", "169.254.128.1",
		"198.51.100.1", "198.51.100.7", "198.51.100.10", "198.51.100.53", "198.51.100.80", "198.51.100.128", "198.51.100.200",
		"203.0.113.1", near.natAddr, far.natAddr, "192.0.2.1",
		"10.0.0.0", "10.0.255.255", "255.255.255.255", "224.0.0.1",
		"fe80::1%eth0", "ff02::1%eth0", "ff02::2%eth0", "fd00:ec2::254", "fd00:ec2::253",
		"2001:db8::1", "2001:db8::7", "2001:db8::10", "2001:db8::53", "2001:db8::80", "::ffff:198.51.100.7",
		"0.0.0.0", "::",
	} {
		s.all(a, daemonPort)
	}
	for i := 2; i < 40; i++ { // other instances, other interfaces, other VPCs
		s.all(fmt.Sprintf("169.254.2.%d", i))
		s.knock("tcp", fmt.Sprintf("10.1.0.%d", i), 80, 443)
		s.knock("tcp", fmt.Sprintf("10.1.1.%d", i), 80, 443)
	}
	for _, a := range []string{"169.254.1.1", "10.0.2.1", "10.0.0.2", "169.254.169.254"} {
		s.Ranges = append(s.Ranges, []any{"tcp", a, 1, 1024})
	}
	s.knock("raw", "10.0.0.2", 0)
	s.knock("raw", "fe80::1%eth0", 0)
	var got map[string]string
	c.invoke("scan", s).into(t, &got)
	for _, name := range []string{"raw 10.0.0.2 0", "raw fe80::1%eth0 0"} {
		if got[name] != "EPERM" {
			t.Errorf("%s: %q, want EPERM", name, got[name])
		}
	}
	own := func(a string) bool { // this instance itself
		return strings.Contains(a, " 0.0.0.0 ") || strings.Contains(a, " :: ")
	}
	// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html: the VPC's base plus two, 169.254.169.253, fd00:ec2::253
	want := []string{"tcp 10.0.0.2 53: open", "tcp 169.254.169.253 53: open"}
	for _, a := range answers(got) {
		switch {
		case slices.Contains(want, a):
			want = slices.DeleteFunc(want, func(w string) bool { return w == a })
		case own(a) && strings.HasSuffix(a, ": ECONNREFUSED"):
		case strings.HasPrefix(a, "udp 10.0.0.2 53: answer"), strings.HasPrefix(a, "udp 169.254.169.253 53: answer"), strings.Contains(a, "fd00:ec2::253 53: "):
		default:
			t.Errorf("side door: %s", a)
		}
	}
	if len(want) > 0 {
		t.Errorf("no answer: %v", want)
	}
}

// machine looks at what /proc and the kernel's other names tell.
func (c *tenant) machine(t *testing.T) {
	const name = "weir-test-side-door"
	l, err := net.Listen("unix", "@"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var saw struct {
		Processes                     []int
		UID                           int
		Abstract, Unix, Mounts, Group string
		Links                         []string
	}
	c.invoke("scan", map[string]string{"do": "look", "abstract": name}).into(t, &saw)
	if saw.Abstract != "ECONNREFUSED" {
		t.Errorf("the machine's abstract socket: %s, want ECONNREFUSED", saw.Abstract)
	}
	if len(saw.Processes) > 3 || saw.UID == 0 {
		t.Errorf("processes %v as uid %d, want those of the sandbox alone and not root", saw.Processes, saw.UID)
	}
	if strings.Contains(saw.Unix, "@") || strings.Contains(saw.Unix, "/run/") {
		t.Errorf("sockets of others:\n%s", saw.Unix)
	}
	for _, l := range saw.Links {
		if l != "lo" && l != "eth0" {
			t.Errorf("a link of others: %s", l)
		}
	}
}

// sameCIDR puts an interface at one address of two VPCs with the same CIDR's
// first: only that VPC's function reaches it.
func sameCIDR(t *testing.T, near, twin *page) {
	const addr = "10.0.2.77"
	_, err := near.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
		SubnetId: &near.lone, Groups: []string{near.group}, PrivateIpAddress: aws.String(addr)})
	if err != nil {
		t.Fatal(err)
	}
	twin.with(t).python("twin", twin.role, scanCode, at(twin.lone, twin.group))
	for _, f := range []struct{ name, want string }{{"scan", "ECONNREFUSED"}, {"twin", ""}} {
		var got map[string]string
		near.with(t).invoke(f.name, scan{Do: "scan", Targets: [][]any{{"tcp", addr, 80}}}).into(t, &got)
		if got["tcp "+addr+" 80"] != f.want {
			t.Errorf("%s at %s of the first VPC: %q, want %q (\"\": silence)", f.name, addr, got["tcp "+addr+" 80"], f.want)
		}
	}
	// Everything of the first VPC that the second could know an address of.
	s := scan{Do: "scan"}
	for i := range 256 {
		s.knock("tcp", fmt.Sprintf("10.0.2.%d", i), 80)
	}
	v6 := netip.MustParsePrefix(near.v6).Addr().As16()
	v6[7] |= 2
	for i := range 32 {
		v6[15] = byte(i)
		s.knock("tcp", netip.AddrFrom16(v6).String(), 80)
	}
	var got map[string]string
	twin.with(t).invoke("twin", s).into(t, &got)
	if a := answers(got); len(a) > 0 {
		t.Errorf("answers in the second VPC, which has no such interface: %v", a)
	}
}

// instances has one instance of a function listen while another knocks at every
// address that it could have.
func (c *tenant) instances(t *testing.T) {
	const port = 7777
	s := scan{Do: "scan", Delay: 1, Near: port} // until the other listens
	for i := range 64 {
		s.knock("tcp", fmt.Sprintf("169.254.2.%d", i), port)
		s.knock("udp", fmt.Sprintf("169.254.2.%d", i), port)
		s.knock("tcp", fmt.Sprintf("fd57:6569:7200::%x", 0x200+i), port)
	}
	for i := 4; i < 32; i++ {
		s.knock("tcp", fmt.Sprintf("10.0.2.%d", i), port)
		s.knock("udp", fmt.Sprintf("10.0.2.%d", i), port)
	}
	var wg sync.WaitGroup
	var saw []string
	var got map[string]string
	wg.Go(func() {
		c.invoke("scan", map[string]any{"do": "listen", "port": port, "seconds": 3}).into(t, &saw)
	})
	wg.Go(func() { c.invoke("scan", s).into(t, &got) })
	wg.Wait()
	if len(saw) > 0 {
		t.Errorf("the listening instance heard from %v", saw)
	}
	if a := answers(got); len(a) > 0 {
		t.Errorf("an instance reached %v", a)
	}
}
