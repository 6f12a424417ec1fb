package oracle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"weir/internal/dataplane"
	"weir/internal/dataplane/linux"
	"weir/internal/netplan"
)

// sameAsFresh compares what changes have made of the kernel with what the same
// networks are when made from nothing, and checks that the rules are what was
// asked for and that applying again changes nothing.
func (l *lab) sameAsFresh() error {
	net, err := l.newInternet()
	if err != nil {
		return err
	}
	defer net.Close()
	dir, err := os.MkdirTemp("", "fresh")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fresh, err := linux.New(linux.Config{Dir: dir, Internet: net})
	if err != nil {
		return err
	}
	defer fresh.Close()
	ctx, cancel := context.WithTimeout(context.Background(), applyFor)
	defer cancel()
	var wants []*dataplane.Network
	for _, id := range netplan.VPCs(l.now) {
		if w := l.kernel.applied(id); w != nil && len(w.Namespaces) > 0 {
			wants = append(wants, w)
		}
	}
	for _, w := range wants {
		if diffs, err := l.kernel.Verify(w.VPC); err != nil || len(diffs) > 0 {
			return fmt.Errorf("VPC %s: the kernel's rules are not what was asked for: %q %v", w.VPC, diffs, err)
		}
		if err := fresh.Apply(ctx, w); err != nil {
			return fmt.Errorf("VPC %s, made from nothing: %w", w.VPC, err)
		}
	}
	for _, w := range wants {
		is, err := l.dump(fresh, net, w)
		if err != nil {
			return err
		}
		was, err := l.dump(l.kernel.Kernel, l.internet, w)
		for err == nil && !slices.Equal(was, is) && ctx.Err() == nil { // links go some time after the namespaces behind them
			time.Sleep(5 * time.Millisecond)
			was, err = l.dump(l.kernel.Kernel, l.internet, w)
		}
		if err != nil {
			return err
		}
		if d := lineDiff(was, is); d != "" {
			return fmt.Errorf("VPC %s: after changes the kernel has (-), made from nothing (+):\n%s", w.VPC, d)
		}
		if err := l.kernel.Kernel.Apply(ctx, w); err != nil {
			return err
		}
		if again, err := l.dump(l.kernel.Kernel, l.internet, w); err != nil || !slices.Equal(was, again) {
			return fmt.Errorf("VPC %s: applying again changes something: %v\n%s", w.VPC, err, lineDiff(was, again))
		}
	}
	return l.twice()
}

// twice compiles and lowers again: nothing may change.
func (l *lab) twice() error {
	for _, id := range netplan.VPCs(l.now) {
		p, q := netplan.Compile(l.now, id), netplan.Compile(l.store.View(), id)
		if !p.Equal(q) {
			return fmt.Errorf("VPC %s: equal states give different plans", id)
		}
		n := dataplane.NewNumbers(1)
		c, err := dataplane.Diff(dataplane.Lower(p, n), dataplane.Lower(q, n))
		if err != nil || !c.Empty() {
			return fmt.Errorf("VPC %s: lowering twice changes something: %v %v", id, c, err)
		}
	}
	return nil
}

// dump lists links, addresses, neighbours, routes and policy rules of all
// namespaces, without what belongs to instances.
func (l *lab) dump(k *linux.Kernel, internet *os.File, w *dataplane.Network) (out []string, err error) {
	for _, n := range w.Namespaces {
		ns, err := k.Open(w.VPC, n.Name)
		if err != nil {
			return nil, err
		}
		err = l.list(ns, n.Name, &out)
		_ = ns.Close()
		if err != nil {
			return nil, err
		}
	}
	err = l.list(internet, "internet", &out)
	slices.Sort(out)
	return out, err
}

// list describes a namespace, again if it changed meanwhile.
func (l *lab) list(ns *os.File, name string, out *[]string) error {
	for {
		n := len(*out)
		err := l.in(ns, func() error { return list(name, out) })
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
		*out = (*out)[:n]
	}
}

// list describes the thread's namespace, one thing a line.
func list(ns string, out *[]string) error {
	add := func(format string, a ...any) { *out = append(*out, ns+": "+fmt.Sprintf(format, a...)) }
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	names := map[int]string{}
	for _, k := range links {
		a := k.Attrs()
		if names[a.Index] = a.Name; !ours(ns, a.Name) {
			continue
		}
		add("link %s up %v", a.Name, a.RawFlags&unix.IFF_UP != 0)
		addrs, err := netlink.AddrList(k, netlink.FAMILY_ALL)
		if err != nil {
			return err
		}
		for _, x := range addrs {
			add("address %s on %s", x.IPNet, a.Name)
		}
		neighs, err := netlink.NeighList(a.Index, netlink.FAMILY_ALL)
		if err != nil {
			return err
		}
		for _, x := range neighs {
			if x.State == netlink.NUD_PERMANENT {
				add("neighbour %s %s on %s", x.IP, x.HardwareAddr, a.Name)
			}
		}
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Table != unix.RT_TABLE_LOCAL && ours(ns, names[r.LinkIndex]) {
			add("route table %d %v type %d via %v on %s", r.Table, r.Dst, r.Type, r.Gw, names[r.LinkIndex])
		}
	}
	rules, err := netlink.RuleList(netlink.FAMILY_ALL)
	for _, r := range rules {
		add("rule %d mark %#x table %d family %d", r.Priority, r.Mark, r.Table, r.Family)
	}
	return err
}

// ours leaves out the links of instances, and of networks before in the internet.
func ours(ns, link string) bool {
	return !(ns[0] == 'e' && strings.HasPrefix(link, "s"))
}

func lineDiff(was, is []string) string {
	var b strings.Builder
	for _, s := range was {
		if !slices.Contains(is, s) {
			fmt.Fprintln(&b, "-", s)
		}
	}
	for _, s := range is {
		if !slices.Contains(was, s) {
			fmt.Fprintln(&b, "+", s)
		}
	}
	return b.String()
}
