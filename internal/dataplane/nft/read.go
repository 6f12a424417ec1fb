package nft

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// Snapshot is a table in comparable form: elements of each set, tags of each chain's rules.
type Snapshot struct {
	Sets   map[string][]string
	Chains map[string][]string
}

// Want is the snapshot of a table as it would be in the kernel. Open sets are left out.
func (t *Table) Want() (*Snapshot, error) {
	w := &Snapshot{Sets: map[string][]string{}, Chains: map[string][]string{}}
	for _, s := range t.Sets {
		if s.Open {
			continue
		}
		list := []string{}
		for _, e := range s.Elems {
			raws, err := s.raw(e)
			if err != nil {
				return nil, err
			}
			for _, r := range raws {
				if r.end || !(s.Map || s.Verdicts) {
					r.data = nil
				}
				if s.Verdicts && !r.end {
					r.data = []byte(r.verdict.String())
				}
				list = append(list, r.id())
			}
		}
		slices.Sort(list)
		w.Sets[s.Name] = list
	}
	for _, c := range t.Chains {
		tags := []string{}
		for _, r := range c.Rules {
			tags = append(tags, r.tag())
		}
		w.Chains[c.Name] = tags
	}
	return w, nil
}

func (r *rawElem) id() string {
	return fmt.Sprintf("%x-%x %v %q", r.key, r.keyEnd, r.end, r.data)
}

// Compare lists how got differs from w; nothing means equal. Sets that only got
// has are foreign unless they are in open.
func (w *Snapshot) Compare(got *Snapshot, open ...string) []string {
	var out []string
	compare := func(kind string, want, got map[string][]string) {
		for n, l := range want {
			g, ok := got[n]
			if !ok {
				out = append(out, "missing "+kind+" "+n)
			} else if !slices.Equal(l, g) {
				out = append(out, fmt.Sprintf("%s %s differs: want %d entries, found %d", kind, n, len(l), len(g)))
			}
		}
		for n := range got {
			if _, ok := want[n]; !ok && !slices.Contains(open, n) {
				out = append(out, "foreign "+kind+" "+n)
			}
		}
	}
	compare("set", w.Sets, got.Sets)
	compare("chain", w.Chains, got.Chains)
	slices.Sort(out)
	return out
}

// Verify reads the table back and lists how it differs from t.
func (c *Conn) Verify(t *Table) ([]string, error) {
	want, err := t.Want()
	if err != nil {
		return nil, err
	}
	got, err := c.Read(t.Name)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, s := range t.Sets {
		if s.Open {
			open = append(open, s.Name)
		}
	}
	return want.Compare(got, open...), nil
}

// Read asks the kernel for a table.
func (c *Conn) Read(table string) (*Snapshot, error) {
	got := &Snapshot{Sets: map[string][]string{}, Chains: map[string][]string{}}
	var filter attrs
	filter.str(unix.NFTA_TABLE_NAME, table)
	err := c.dump(unix.NFT_MSG_GETCHAIN, filter, func(a map[uint16][]byte) {
		if text(a[unix.NFTA_CHAIN_TABLE]) == table {
			got.Chains[text(a[unix.NFTA_CHAIN_NAME])] = []string{}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read chains: %w", err)
	}
	err = c.dump(unix.NFT_MSG_GETRULE, filter, func(a map[uint16][]byte) {
		n := text(a[unix.NFTA_RULE_CHAIN])
		tag, _ := userdata.GetString(a[unix.NFTA_RULE_USERDATA], userdata.TypeComment)
		got.Chains[n] = append(got.Chains[n], tag)
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	var sets []string
	err = c.dump(unix.NFT_MSG_GETSET, filter, func(a map[uint16][]byte) {
		f := a[unix.NFTA_SET_FLAGS] // absent if none is set
		if len(f) < 4 || f[3]&unix.NFT_SET_ANONYMOUS == 0 {
			sets = append(sets, text(a[unix.NFTA_SET_NAME]))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read sets: %w", err)
	}
	for _, s := range sets {
		if got.Sets[s], err = c.readSet(filter, s); err != nil {
			return nil, fmt.Errorf("read set %s: %w", s, err)
		}
	}
	return got, nil
}

func (c *Conn) readSet(filter attrs, set string) ([]string, error) {
	list := []string{}
	filter = slices.Clone(filter)
	filter.str(unix.NFTA_SET_ELEM_LIST_SET, set)
	err := c.dump(unix.NFT_MSG_GETSETELEM, filter, func(a map[uint16][]byte) {
		each(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS], func(_ uint16, b []byte) {
			e := parse(b)
			r := rawElem{
				key:    parse(e[unix.NFTA_SET_ELEM_KEY])[unix.NFTA_DATA_VALUE],
				keyEnd: parse(e[nftaElemKeyEnd])[unix.NFTA_DATA_VALUE],
				end:    len(e[unix.NFTA_SET_ELEM_FLAGS]) == 4 && e[unix.NFTA_SET_ELEM_FLAGS][3]&unix.NFT_SET_ELEM_INTERVAL_END != 0,
			}
			data := parse(e[unix.NFTA_SET_ELEM_DATA])
			r.data = data[unix.NFTA_DATA_VALUE]
			if v := parse(data[unix.NFTA_DATA_VERDICT]); v != nil {
				r.data = []byte(verdictText(v))
			}
			list = append(list, r.id())
		})
	})
	slices.Sort(list)
	return list, err
}

func verdictText(v map[uint16][]byte) string {
	code := int32(binary.BigEndian.Uint32(v[unix.NFTA_VERDICT_CODE]))
	for kind, name := range verdictNames {
		if int32(kind) == code {
			return name + text(v[unix.NFTA_VERDICT_CHAIN])
		}
	}
	return "verdict " + hex.EncodeToString(v[unix.NFTA_VERDICT_CODE])
}

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// each calls f with every attribute; the flags of its type are taken off.
func each(b []byte, f func(typ uint16, data []byte)) {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[4:n])
		b = b[min((n+3)&^3, len(b)):]
	}
}

func parse(b []byte) map[uint16][]byte {
	if b == nil {
		return nil
	}
	m := map[uint16][]byte{}
	each(b, func(t uint16, d []byte) { m[t] = d })
	return m
}

var errChanged = errors.New("the list changed while it was read")

// dump asks for a list and calls f with each entry's attributes. A list that
// changed while it was read is asked for again by the caller.
func (c *Conn) dump(kind uint16, filter attrs, f func(map[uint16][]byte)) error {
	c.buf = c.buf[:0]
	c.frame(unix.NFNL_SUBSYS_NFTABLES<<8|kind, unix.NLM_F_DUMP, nfgenmsg(unix.NFPROTO_INET, 0), filter)
	if err := unix.Sendto(c.fd, c.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	var failed error
	err := c.receive(0, func(h header, data []byte) bool {
		if h.flags&unix.NLM_F_DUMP_INTR != 0 {
			failed = errChanged
		}
		switch h.kind {
		case unix.NLMSG_DONE:
			return false
		case unix.NLMSG_ERROR:
			if code := int32(binary.NativeEndian.Uint32(data)); code != 0 {
				failed = unix.Errno(-code)
			}
			return false
		}
		if len(data) > 4 {
			f(parse(data[4:]))
		}
		return true
	})
	return errors.Join(err, failed)
}
