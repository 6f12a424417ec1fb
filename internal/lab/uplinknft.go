package lab

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	tablePrefix = "weir_"
	// forwardingWasOff is an empty chain whose presence says what to restore.
	forwardingWasOff = "forwarding_was_off"
)

// addHostRules: what comes from Weir is forwarded under the machine's address
// and never reaches the machine itself; only replies go back.
func (u *uplink) addHostRules(wasOff bool) error {
	c, err := nftIn(u.host)
	if err != nil {
		return fmt.Errorf("configure the machine's nftables: %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: u.table(), Family: nftables.TableFamilyINet})
	chain := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, prio *nftables.ChainPriority) func(...[]expr.Any) {
		ch := c.AddChain(&nftables.Chain{Name: name, Table: table, Type: kind, Hooknum: hook, Priority: prio})
		return func(parts ...[]expr.Any) {
			var all []expr.Any
			for _, p := range parts {
				all = append(all, p...)
			}
			c.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: all})
		}
	}
	if wasOff {
		c.AddChain(&nftables.Chain{Name: forwardingWasOff, Table: table})
	}
	link := u.link()
	input := chain("input", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter)
	forward := chain("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	postrouting := chain("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	// Neighbour discovery for the link itself is the one thing the machine answers.
	input(iface(expr.MetaKeyIIFNAME, expr.CmpOpEq, link), neighbourDiscovery(), decide(expr.VerdictAccept))
	input(iface(expr.MetaKeyIIFNAME, expr.CmpOpEq, link), decide(expr.VerdictDrop))
	forward(iface(expr.MetaKeyOIFNAME, expr.CmpOpEq, link), reply(), decide(expr.VerdictAccept))
	forward(iface(expr.MetaKeyOIFNAME, expr.CmpOpEq, link), decide(expr.VerdictDrop))
	_, far4 := u.ends4()
	_, far6 := u.ends6()
	for _, a := range []netip.Addr{far4, far6} {
		postrouting(source(a), iface(expr.MetaKeyOIFNAME, expr.CmpOpNeq, link), []expr.Any{&expr.Masq{}})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("add nftables table %s to the machine: %w", u.table(), err)
	}
	return nil
}

// translateUplink gives the internet's own address to whatever leaves it by the uplink.
func translateUplink(internet *os.File) error {
	c, err := nftIn(internet)
	if err != nil {
		return fmt.Errorf("translate at the internet's uplink: %w", err)
	}
	table := c.AddTable(&nftables.Table{Name: farEnd, Family: nftables.TableFamilyINet})
	ch := c.AddChain(&nftables.Chain{Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})
	c.AddRule(&nftables.Rule{Table: table, Chain: ch, Exprs: append(iface(expr.MetaKeyOIFNAME, expr.CmpOpEq, farEnd), &expr.Masq{})})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("translate at the internet's uplink: %w", err)
	}
	return nil
}

func decide(k expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: k}} }

func iface(key expr.MetaKey, op expr.CmpOp, name string) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: padded}}
}

func ofFamily(f byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{f}}}
}

func source(a netip.Addr) []expr.Any {
	proto, offset := byte(unix.NFPROTO_IPV4), uint32(12)
	if a.Is6() {
		proto, offset = unix.NFPROTO_IPV6, 8
	}
	return append(ofFamily(proto),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(a.BitLen() / 8)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()})
}

// neighbourDiscovery matches ICMPv6 solicitations and advertisements of neighbours (types 135 and 136).
func neighbourDiscovery() []expr.Any {
	return append(ofFamily(unix.NFPROTO_IPV6),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{135}, ToData: []byte{136}})
}

// reply matches packets of connections that the other side opened.
func reply() []expr.Any {
	mask := binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED)
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// warnOfFirewall says which of the machine's own chains will stop Weir's packets.
func (u *uplink) warnOfFirewall() error {
	chains, err := foreignForwards(u.host)
	for _, ch := range chains {
		if ch.Policy != nil && *ch.Policy == nftables.ChainPolicyDrop {
			u.log.Warn("the machine's firewall drops forwarded packets unless a rule of its own accepts them: accept those of Weir's link there", "table", ch.Table.Name, "chain", ch.Name, "link", u.link())
		}
	}
	return err
}

// foreignForwards lists chains, not of Weir, through which the machine forwards.
func foreignForwards(host *os.File) ([]*nftables.Chain, error) {
	c, err := nftIn(host)
	if err != nil {
		return nil, fmt.Errorf("read the machine's nftables: %w", err)
	}
	chains, err := c.ListChains()
	if err != nil {
		return nil, fmt.Errorf("read the machine's nftables: %w", err)
	}
	var out []*nftables.Chain
	for _, ch := range chains {
		if ch.Hooknum != nil && *ch.Hooknum == *nftables.ChainHookForward && !strings.HasPrefix(ch.Table.Name, tablePrefix) {
			out = append(out, ch)
		}
	}
	return out, nil
}

// Sweep removes what Weirs that are gone left in the machine's network: tables
// whose link is no more (it goes with the internet's namespace, thus with the
// process). host nil is the process's own namespace.
func Sweep(host *os.File) error {
	c, err := nftIn(host)
	if err != nil {
		return fmt.Errorf("sweep the machine's network: %w", err)
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return fmt.Errorf("sweep the machine's network: %w", err)
	}
	h, err := handleIn(host)
	if err != nil {
		return fmt.Errorf("sweep the machine's network: %w", err)
	}
	defer h.Close()
	inUse := 0
	var stale []*nftables.Table
	for _, t := range tables {
		n, isOurs := strings.CutPrefix(t.Name, tablePrefix)
		if _, err := strconv.ParseUint(n, 10, 8); err != nil || !isOurs {
			continue
		}
		if _, err := h.LinkByName("weir" + n); err == nil {
			inUse++
			continue
		} else if _, gone := err.(netlink.LinkNotFoundError); !gone {
			return fmt.Errorf("sweep the machine's network: find link weir%s: %w", n, err)
		}
		stale = append(stale, t)
	}
	if len(stale) == 0 {
		return nil
	}
	restore := false
	for _, t := range stale {
		if ch, err := c.ListChain(t, forwardingWasOff); err == nil && ch != nil {
			restore = true
		}
		c.DelTable(t)
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("remove %d old nftables tables from the machine: %w", len(stale), err)
	}
	if !restore || inUse > 0 {
		return nil
	}
	return stopForwarding(host)
}

// stopForwarding switches IPv4 forwarding off again, unless somebody else came to rely on it.
func stopForwarding(host *os.File) error {
	others, err := foreignForwards(host)
	if err != nil || len(others) > 0 {
		return err
	}
	return inside(host, func() error {
		if names, err := os.ReadFile("/proc/thread-self/net/ip_tables_names"); err == nil && len(names) > 0 {
			return nil
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0); err != nil {
			return fmt.Errorf("switch the machine's IPv4 forwarding off again: %w", err)
		}
		return nil
	})
}
