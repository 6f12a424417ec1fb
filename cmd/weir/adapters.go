package main

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	alists "weir/internal/api/alibaba/sts"
	"weir/internal/api/aws/sts"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/dataplane"
	weirdns "weir/internal/dns"
	"weir/internal/invoke"
	"weir/internal/lab"
	"weir/internal/logs"
	"weir/internal/netplan"
	"weir/internal/reach"
	"weir/internal/runtime"
)

// leaser lends the network's slots to the invoker.
type leaser struct{ *dataplane.Manager }

func (l leaser) Lease(ctx context.Context, at invoke.Place) (*invoke.Slot, error) {
	s, err := l.lease(ctx, at)
	if err != nil {
		return nil, err
	}
	return &invoke.Slot{ID: s.ID, NetNS: s.NetNS, ENI: s.ENI, Side: s.Side, Addrs: s.Addrs, Resolvers: s.Resolvers, Release: s.Close}, nil
}

func (l leaser) lease(ctx context.Context, at invoke.Place) (*dataplane.Slot, error) {
	if at.Side == "" {
		return l.Manager.Lease(ctx, at.ENI)
	}
	return l.LeaseBeside(ctx, at.ENI, dataplane.Side{ENI: at.Side, Wide: at.Wide})
}

// lines writes functions' log lines.
type lines struct{ *logs.Logs }

func (l lines) Append(account, region, group, stream string, line invoke.Line) {
	l.AppendEvent(logs.Scope{Account: account, Region: region}, group, stream, logs.Event{Time: line.Time, Message: line.Text, Fields: line.Fields})
}

// archives opens functions' code.
type archives struct{ *control.Control }

func (a archives) Get(ctx context.Context, digest string) (io.ReadCloser, error) {
	return a.Code(ctx, digest)
}

// roleLife is how long a function's credentials last.
const roleLife = 12 * time.Hour

// credentials issues what a function's code gets of its role, in the role's dialect.
func (d *daemon) credentials(ctx context.Context, role, session string) (invoke.Credentials, error) {
	issue := func() (*control.Session, error) { return sts.RoleSession(ctx, d.control, role, session, roleLife) }
	if strings.HasPrefix(role, "acs:") {
		issue = func() (*control.Session, error) { return alists.FunctionSession(ctx, d.control, role, session) }
	}
	s, err := issue()
	if err != nil {
		return invoke.Credentials{}, err
	}
	return invoke.Credentials{
		Credentials: runtime.Credentials{AccessKeyID: s.KeyID, SecretAccessKey: s.Secret, SessionToken: s.Token},
		Expires:     s.Expires,
	}, nil
}

// applied opens what a VPC's router serves: its resolver and its endpoints.
func (d *daemon) applied(ctx context.Context, vpc cloud.VPCID, plan *netplan.Plan) {
	if plan == nil { // what its router counted goes with it
		d.flows.readVPC(ctx, vpc)
	}
	if err := d.dns.Sync(ctx, vpc, plan); err != nil && ctx.Err() == nil {
		d.log.Error("resolver not in place", "vpc", vpc, "err", err)
	}
	if err := d.gateways.sync(ctx, vpc, plan); err != nil && ctx.Err() == nil {
		d.log.Error("gateway endpoint not in place", "vpc", vpc, "err", err)
	}
	if err := d.balancers.Sync(ctx, vpc, plan); err != nil && ctx.Err() == nil {
		d.log.Error("load balancer not in place", "vpc", vpc, "err", err)
	}
	if err := d.endpoints.sync(ctx, vpc, plan); err != nil && ctx.Err() == nil {
		d.log.Error("interface endpoint not in place", "vpc", vpc, "err", err)
	}
}

// resolve answers what a VPC's resolver does not know by itself: names of the
// internet, among them the own names of interface endpoints and load balancers.
func (d *daemon) resolve(ctx context.Context, name string, qtype uint16) ([]dns.RR, int, error) {
	key := strings.ToLower(strings.TrimSuffix(name, "."))
	var addrs []netip.Addr
	var ok bool
	switch {
	case strings.Contains(key, ".vpce."):
		addrs, ok = netplan.EndpointAddrs(d.store.View(), key)
	case strings.Contains(key, ".elb."):
		addrs, ok = netplan.BalancerAddrs(d.store.View(), key)
	default: // what its owner's CNAME record would do
		if _, ok = cloud.Domains.Get(d.store.View(), key); ok {
			addrs = []netip.Addr{lab.API.V4}
		}
	}
	if !ok {
		return d.lab.Resolve(ctx, name, qtype)
	}
	return weirdns.Addresses(name, qtype, addrs), dns.RcodeSuccess, nil
}

// dropped tells whether the kernel dropped packets of an interface since a time.
func (d *daemon) dropped(eni cloud.InterfaceID, since time.Time) bool {
	return len(d.network.Drops(eni, since)) > 0
}

// maxReasons bounds what one invocation adds to its log.
const maxReasons = 5

// explain says why packets of a slot's interface got nowhere: each dropped
// flow's reason once, by the analyser from the drop that the kernel saw.
func (d *daemon) explain(_ context.Context, s *invoke.Slot, since time.Time) []string {
	reasons := d.explainAt(s.ENI, since)
	if s.Side != "" {
		reasons = append(reasons, d.explainAt(s.Side, since)...)
	}
	return reasons[:min(len(reasons), maxReasons)]
}

// explainAt says why packets of one interface got nowhere.
func (d *daemon) explainAt(id cloud.InterfaceID, since time.Time) []string {
	eni, ok := cloud.Interfaces.Get(d.store.View(), id)
	if !ok {
		return nil
	}
	x := analyser(d.store.View(), eni.VPC)
	reasons := distinct(d.network.Drops(id, since), func(drop dataplane.Drop) reach.Answer {
		_, detail := netplan.ParseLogPrefix(drop.Rule)
		return x.FromDrop(reach.Drop{
			Stage: drop.Stage, Detail: detail, ENI: id, Protocol: drop.Proto, Src: drop.Src, Dst: drop.Dst,
		})
	})
	if len(reasons) > 0 {
		return reasons
	}
	// Behind a NAT gateway a packet is the gateway's; whether this interface's
	// would be dropped there too, the analyser knows.
	var beyond []dataplane.Drop
	for _, e := range x.Plan().ENIs {
		if e.Attach == netplan.AttachNAT {
			beyond = append(beyond, d.network.Drops(e.ID, since)...)
		}
	}
	return distinct(beyond, func(drop dataplane.Drop) reach.Answer {
		return x.Explain(reach.Query{From: id, To: drop.Dst.Addr(), Protocol: drop.Proto, Port: int(drop.Dst.Port())})
	})
}

// distinct collects the reasons of drops, each once.
func distinct(drops []dataplane.Drop, explain func(dataplane.Drop) reach.Answer) []string {
	var reasons []string
	for _, drop := range drops {
		a := explain(drop)
		if !a.Reachable && a.Text != "" && !slices.Contains(reasons, a.Text) {
			reasons = append(reasons, a.Text)
		}
		if len(reasons) == maxReasons {
			break
		}
	}
	return reasons
}

// options are the platform's settings as the flags say.
func (d *daemon) options() control.Options {
	return control.Options{
		Account: d.cfg.account, Region: d.cfg.region, Regions: regions(d.cfg.region), SlowStates: d.cfg.slowStates,
		PublicPool:     netip.MustParsePrefix("203.0.113.0/24"),
		IPv6Pool:       netip.MustParsePrefix("2001:db8:1000::/36"),
		StrictRuntimes: d.cfg.strictRuntimes,
	}
}
