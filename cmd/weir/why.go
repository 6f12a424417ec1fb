package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// question is what POST /_weir/why is asked.
type question struct {
	From     string `json:"from"` // interface, function name or private address
	To       string `json:"to"`   // address or name
	Port     int    `json:"port"`
	Protocol string `json:"protocol"` // tcp, udp, icmp
	Region   string `json:"region"`
}

// verdict is its answer.
type verdict struct {
	Reachable bool     `json:"reachable"`
	Code      string   `json:"code,omitempty"`
	Text      string   `json:"text"`
	Path      []string `json:"path"`
}

// why asks the analyser about one flow.
func why(ctx context.Context, e env, args []string) error {
	var q question
	fs := flags(e, "why")
	addr := addrFlag(fs)
	fs.StringVar(&q.Protocol, "protocol", "tcp", "tcp, udp or icmp")
	fs.StringVar(&q.Region, "region", "", "region of a function's name (default: the daemon's)")
	if len(args) < 2 || strings.HasPrefix(args[0], "-") {
		fmt.Fprintln(e.stderr, "usage: weir why SRC DST[:PORT] [flags]\n  SRC: eni-…, a function's name, or a private address; DST: an address or a name")
		return errUsage
	}
	if err := parse(fs, args[2:], 0); err != nil {
		return err
	}
	q.From, q.To, q.Port = args[0], args[1], 443
	if host, port, ok := cutPort(args[1]); ok {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("%q is no port", port)
		}
		q.To, q.Port = host, n
	}
	var v verdict
	if err := newClient(*addr).call(ctx, http.MethodPost, "/_weir/why", q, &v); err != nil {
		return err
	}
	for _, h := range v.Path {
		fmt.Fprintln(e.stdout, "  "+h)
	}
	if v.Code != "" {
		fmt.Fprintf(e.stdout, "not reachable: %s\n", v.Code)
	}
	fmt.Fprintln(e.stdout, v.Text)
	return nil
}

// cutPort splits host:port; an IPv6 address needs brackets to have a port.
func cutPort(s string) (host, port string, ok bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().String(), strconv.Itoa(int(a.Port())), true
	}
	if strings.Count(s, ":") != 1 {
		return s, "", false
	}
	return strings.Cut(s, ":")
}

func (d *daemon) why(r *http.Request) (any, error) {
	var q question
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	view := d.store.View()
	eni, err := d.source(view, q)
	if err != nil {
		return nil, err
	}
	to, err := d.target(r.Context(), q.To)
	if err != nil {
		return nil, err
	}
	protocol, ok := map[string]int{"tcp": 6, "udp": 17, "icmp": 1, "": 6}[q.Protocol]
	if !ok {
		return nil, cloud.Errorf(cloud.Invalid, "", q.Protocol, "protocol", "protocol %q: choose tcp, udp or icmp", q.Protocol)
	}
	if protocol == 1 && to.Is6() {
		protocol = 58
	}
	a := reach.Explain(netplan.Compile(view, eni.VPC), reach.Query{From: eni.ID, To: to, Protocol: protocol, Port: q.Port})
	v := verdict{Reachable: a.Reachable, Code: a.Code, Text: a.Text}
	for _, h := range a.Path {
		v.Path = append(v.Path, strings.TrimSpace(h.Resource.String()+" "+h.Note))
	}
	return v, nil
}

// source finds the interface that a question starts from.
func (d *daemon) source(v cloud.View, q question) (*cloud.Interface, error) {
	if eni, ok := cloud.Interfaces.Get(v, cloud.InterfaceID(q.From)); ok {
		return eni, nil
	}
	region := q.Region
	if region == "" {
		region = d.cfg.region
	}
	if f, ok := cloud.Functions.Get(v, cloud.MakeFunctionKey(d.cfg.account, region, q.From)); ok {
		if len(f.Latest.Network.Interfaces) == 0 {
			return nil, cloud.Errorf(cloud.Invalid, cloud.KindFunction, q.From, "no-vpc", "the function %s has no VPC: it runs in the service's own network, which reaches the internet and no VPC", q.From)
		}
		if eni, ok := cloud.Interfaces.Get(v, f.Latest.Network.Interfaces[0]); ok {
			return eni, nil
		}
	}
	if addr, err := netip.ParseAddr(q.From); err == nil {
		for eni := range cloud.Interfaces.By(v, "scope", cloud.Scope(d.cfg.account, region)) {
			for _, a := range append(eni.Addrs, eni.Addrs6...) {
				if a == addr {
					return eni, nil
				}
			}
		}
	}
	return nil, cloud.Errorf(cloud.NotFound, cloud.KindInterface, q.From, "", "%q is no network interface, function or private address in %s", q.From, region)
}

// target resolves a destination's name as the internet does.
func (d *daemon) target(ctx context.Context, to string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(to); err == nil {
		return a, nil
	}
	records, _, err := d.lab.Resolve(ctx, to, dns.TypeA)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("resolving %s: %w", to, err)
	}
	for _, r := range records {
		if a, ok := r.(*dns.A); ok {
			if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
				return addr, nil
			}
		}
	}
	return netip.Addr{}, cloud.Errorf(cloud.NotFound, "", to, "no-address", "%q has no IPv4 address on this internet", to)
}
