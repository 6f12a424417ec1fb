package nft

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// sample uses every kind of set, match and statement.
func sample() *Table {
	eni := &Set{Name: "eni", Key: []Field{IIf, Src4}, Map: true, Data: Mark, Elems: []Elem{
		K(If(5), IP(addr("10.0.0.4"))).To(MarkOf(0x70001)), K(If(6), IP(addr("10.0.1.4"))).To(MarkOf(0x80001))}}
	eni6 := &Set{Name: "eni6", Key: []Field{IIf, Src6}, Map: true, Data: Mark, Elems: []Elem{
		K(If(5), IP(addr("2001:db8::4"))).To(MarkOf(0x70001))}}
	pub := &Set{Name: "pub", Key: []Field{Src4}, Map: true, Data: Src4, Elems: []Elem{K(IP(addr("10.0.0.4"))).To(IP(addr("203.0.113.4")))}}
	acl := (&Set{Name: "acl", Key: []Field{Src4}, Verdicts: true, Interval: true, Elems: []Elem{
		K(Net(prefix("10.0.0.0/24"))).Then(Jump("lines")), K(Net(prefix("10.0.1.0/24"))).Then(Drop), K(Net(prefix("255.255.255.0/24"))).Then(Accept)}}).Sealed()
	peers := (&Set{Name: "peers", Key: []Field{MarkHigh, L4Proto, DstPort}, Interval: true, Elems: []Elem{
		K(MarkOf(0x70000), Proto(6), Ports(80, 90)), K(MarkOf(0x80000), Proto(17), Port(53))}}).Sealed()
	cidrs := (&Set{Name: "cidrs", Key: []Field{Src6, L4Proto, ICMPTypeCode}, Interval: true, Elems: []Elem{
		K(Net(prefix("2001:db8::/32")), Proto(58), Ports(0x8000, 0x80ff))}}).Sealed()
	slots := &Set{Name: "slots", Key: []Field{IIf, Src4}, Open: true}
	conns := &Set{Name: "conns", Key: []Field{IIf}, Open: true, Counts: true}
	state := &Set{Key: []Field{CtState}, Verdicts: true, Elems: []Elem{
		K(StateOf(Established)).Then(Accept), K(StateOf(Invalid)).Then(Drop)}}
	return &Table{Name: "t", Sets: []*Set{eni, eni6, pub, acl, peers, cidrs, slots, conns}, Chains: []*Chain{
		{Name: "lines", Rules: []Rule{
			R(Eq(L4Proto, Proto(6)), Eq(Dst4, Net(prefix("10.0.0.0/13"))), Eq(DstPort, Ports(1024, 65535)), Return).Note("line 100"),
			R(Log("nacl-out:acl-1", 7), Drop)}},
		{Name: "pre", Hook: &Hook{Point: Prerouting, Priority: -150}, Rules: []Rule{
			R(SetFrom(Mark, eni, IIf, Src4), Accept), R(SetFrom(Mark, eni6, IIf, Src6), Accept), R(In(slots, IIf, Src4), Accept), R(Log("spoof", 7), Drop)}},
		{Name: "forward", Hook: &Hook{Point: Forward, Drop: true}, Rules: []Rule{
			R(StateIn(New), CountOver(conns, IIf, 1000), Drop), R(TCPSyn(), ClampMSS()), R(VMap(acl, Src4)), R(VMap(state, CtState)),
			R(In(peers, MarkHigh, L4Proto, DstPort), Accept), R(In(cidrs, Src6, L4Proto, ICMPTypeCode), Accept)}},
		{Name: "out", Hook: &Hook{NAT: true, Point: Postrouting, Priority: 100}, Rules: []Rule{
			R(Ne(OIf, If(5)), Accept), R(SNATMap(pub, Src4)), R(Eq(L4Proto, Proto(17)), SNAT(addr("203.0.113.9"), 1024, 65535)),
			R(StateIn(New), IsIPv4(), Drop)}},
	}}
}

func TestText(t *testing.T) {
	got := sample().String()
	if os.Getenv("UPDATE") != "" {
		_ = os.WriteFile("testdata/sample.nft", []byte(got), 0o644)
	}
	b, err := os.ReadFile("testdata/sample.nft")
	if err != nil || got != string(b) {
		t.Errorf("text differs from testdata/sample.nft (%v; UPDATE=1 writes it):\n%s", err, got)
	}
}

func TestDiff(t *testing.T) {
	have, want := sample(), sample()
	want.Sets[0].Elems[1].Data = MarkOf(0x90001)
	want.Sets[4] = (&Set{Name: "peers", Key: []Field{MarkHigh, L4Proto, DstPort}, Interval: true, Elems: []Elem{
		K(MarkOf(0x70000), Proto(6), Ports(80, 80))}}).Sealed()
	want.Chains[2].Rules[4] = R(In(want.Sets[4], MarkHigh, L4Proto, DstPort), Accept)
	batches, err := Diff(have, want)
	if err != nil {
		t.Fatal(err)
	}
	if len(batches) != 2 {
		t.Fatalf("%d batches, want the new set first and the switch second", len(batches))
	}
	oldName, newName := have.Sets[4].Name, want.Sets[4].Name
	if got, want := batches[0].String(), "add set "+newName+" (1)\n"; got != want {
		t.Errorf("first batch:\n%swant:\n%s", got, want)
	}
	wantSecond := "delete element eni { 6 . 10.0.1.4 : 0x00080001 }\nadd element eni { 6 . 10.0.1.4 : 0x00090001 }\n" +
		"flush chain forward\nadd rules forward (6)\ndelete set " + oldName + "\n"
	if got := batches[1].String(); got != wantSecond {
		t.Errorf("second batch:\n%swant:\n%s", got, wantSecond)
	}
	if again, err := Diff(want, want); err != nil || len(again) != 0 {
		t.Errorf("equal tables differ: %v %v", again, err)
	}
}

func TestIntervalSetIsWrittenOnce(t *testing.T) {
	have, want := sample(), sample()
	want.Sets[4].Elems = want.Sets[4].Elems[:1]
	if _, err := Diff(have, want); err == nil {
		t.Error("changing an interval set under its name is accepted")
	}
}

// inNamespace runs f in a new network namespace, on a thread that ends with it.
func inNamespace(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			defer close(done)
			f(t)
			return
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("needs the right to make network namespaces (run as root or under unshare -Urn): %v", err)
	}
}

func TestKernel(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		c, err := Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		table := sample()
		commit := func(what string, bs ...*Batch) {
			for _, b := range bs {
				if err := c.Commit(b); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		verify := func(what string, want *Table) {
			if d, err := c.Verify(want); err != nil || len(d) > 0 {
				t.Errorf("%s: reading back: %v %v", what, d, err)
			}
		}
		commit("create", Create(table))
		verify("create", table)

		want := sample()
		want.Sets[0].Elems = want.Sets[0].Elems[1:]
		want.Chains = append(want.Chains, &Chain{Name: "extra", Rules: []Rule{R(Drop)}})
		want.Sets[3] = (&Set{Name: "acl", Key: []Field{Src4}, Verdicts: true, Interval: true, Elems: []Elem{K(Net(prefix("10.0.0.0/24"))).Then(Goto("extra"))}}).Sealed()
		want.Chains[2].Rules[2] = R(VMap(want.Sets[3], Src4))
		bs, err := Diff(table, want)
		if err != nil {
			t.Error(err)
		}
		commit("change", bs...)
		verify("change", want)
		if d, err := c.Verify(table); err != nil || len(d) == 0 {
			t.Errorf("the changed table still equals the first: %v", err)
		}
		back, err := Diff(want, table)
		if err != nil {
			t.Error(err)
		}
		commit("change back", back...)
		verify("change back", table)

		commit("open set", AddElems("t", table.Sets[6], K(If(9), IP(addr("169.254.2.1")))))
		verify("an open set's elements are nobody's concern", table)

		bad := &Batch{Table: "t"}
		bad.add("", func(e *encoder) { e.addChain(&Chain{Name: "fine"}) })
		bad.add("", func(e *encoder) { e.delChain("nosuch") })
		if err := c.Commit(bad); err == nil || !strings.Contains(err.Error(), "delete chain nosuch") {
			t.Errorf("error of a bad batch: %v", err)
		}
		verify("a failed batch changes nothing", table)
	})
}

func TestManyElements(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		c, err := Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		s := &Set{Name: "many", Key: []Field{Src6}}
		for i := range 3000 {
			s.Elems = append(s.Elems, K(IP(addr(fmt.Sprintf("2001:db8::%x", i)))))
		}
		table := &Table{Name: "t", Sets: []*Set{s}}
		if err := c.Commit(Create(table)); err != nil {
			t.Error(err)
		}
		if d, err := c.Verify(table); err != nil || len(d) > 0 {
			t.Error(d, err)
		}
	})
}
