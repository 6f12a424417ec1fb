package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	alivpc "weir/internal/api/alibaba/vpc"
	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/dataplane"
	"weir/internal/flowlog"
	"weir/internal/logs"
)

// flowLogs brings what the network counts and refuses to the recorder, and its
// lines to log groups and files.
type flowLogs struct {
	d        *daemon
	recorder *flowlog.Recorder

	mu   sync.Mutex // guards what follows
	vpcs []cloud.VPCID
	last string // what is logged, as the recorder knows it
}

func newFlowLogs(d *daemon) *flowLogs {
	f := &flowLogs{d: d}
	f.recorder = flowlog.New(flowlog.Config{Read: f.read, Deliver: f.deliver, Interval: d.cfg.flowInterval})
	return f
}

// run follows the state, and records, until ctx ends.
func (f *flowLogs) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- f.recorder.Run(ctx) }()
	for ctx.Err() == nil {
		watch := f.d.store.Watch() // before the view, so that no change is missed
		f.sync(ctx, f.d.store.View())
		select {
		case <-watch:
		case <-ctx.Done():
		}
	}
	return <-done
}

// close delivers what there is.
func (f *flowLogs) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	f.read(ctx)
	f.recorder.Close(ctx)
	return nil
}

// sync tells the recorder what is logged, when that changed. What was counted
// until then is of what was logged then.
func (f *flowLogs) sync(ctx context.Context, v cloud.View) {
	all := slices.Collect(cloud.FlowLogs.All(v))
	f.mu.Lock()
	idle := len(all) == 0 && len(f.vpcs) == 0
	f.mu.Unlock()
	if idle {
		return
	}
	var vpcs []cloud.VPCID
	var interfaces []flowlog.Interface
	var said strings.Builder
	for _, l := range all {
		fmt.Fprintf(&said, "%s %v %v ", l.ID, l.Off, l.Interval)
		if slices.Contains(vpcs, l.VPC) {
			continue
		}
		vpcs = append(vpcs, l.VPC)
		for i := range cloud.Interfaces.By(v, "vpc", string(l.VPC)) {
			at := f.describe(v, i)
			interfaces = append(interfaces, at)
			fmt.Fprintf(&said, "%s %s %v ", at.ID, at.Instance, at.Addrs)
		}
	}
	f.mu.Lock()
	changed := f.last != said.String()
	f.last = said.String()
	f.mu.Unlock()
	if !changed {
		return
	}
	f.read(ctx)
	f.mu.Lock()
	f.vpcs = vpcs
	f.mu.Unlock()
	f.recorder.Set(ctx, all, interfaces)
}

// describe is what lines say of an interface.
func (f *flowLogs) describe(v cloud.View, i *cloud.Interface) flowlog.Interface {
	at := flowlog.Interface{ID: i.ID, Account: i.Account, Region: i.Region, VPC: i.VPC, Subnet: i.Subnet, Addrs: slices.Concat(i.Addrs, i.Addrs6)}
	if s, ok := cloud.Subnets.Get(v, i.Subnet); ok {
		at.Zone = f.zoneID(i.Region, s.Zone)
	}
	if i.Attachment != nil && i.Managed == "" {
		at.Instance = i.Attachment.Instance
	}
	at.Path = func(to netip.Addr) string { return f.path(i, to) }
	return at
}

func (f *flowLogs) zoneID(region, zone string) string {
	r, _ := f.d.control.Region(region)
	for _, z := range r.Zones {
		if z.Name == zone {
			return z.ID
		}
	}
	return ""
}

// path is the way that a packet leaves an interface by.
func (f *flowLogs) path(i *cloud.Interface, to netip.Addr) string {
	plan := f.d.network.Plan(i.VPC)
	if plan == nil {
		return ""
	}
	route := plan.Route(i.Subnet, to)
	if route == nil {
		return ""
	}
	other := false
	if peer := plan.Peer(cloud.PeeringID(route.Target)); peer != nil {
		vpc, ok := cloud.VPCs.Get(f.d.store.View(), peer.VPC)
		other = ok && vpc.Region != i.Region
	}
	return ec2.FlowPath(string(route.Hop), other)
}

// read takes what the network counted to the recorder.
func (f *flowLogs) read(ctx context.Context) {
	f.mu.Lock()
	vpcs := f.vpcs
	f.mu.Unlock()
	for _, id := range vpcs {
		f.readVPC(ctx, id)
	}
}

func (f *flowLogs) readVPC(ctx context.Context, id cloud.VPCID) {
	flows, skipped, err := f.d.network.Flows(ctx, id)
	if err != nil && ctx.Err() == nil {
		f.d.log.Error("flows not counted", "vpc", id, "err", err)
		f.recorder.SkipAll(id)
	}
	f.add(flows)
	for _, eni := range skipped {
		f.recorder.Skip(eni)
	}
}

func (f *flowLogs) add(flows []dataplane.Flow) {
	out := make([]flowlog.Flow, len(flows))
	for i, x := range flows {
		out[i] = flowlog.Flow{
			Key:      flowlog.Key{ENI: x.ENI, Egress: x.Egress, Accepted: x.Accepted, Proto: x.Proto, Src: x.Src, Dst: x.Dst},
			TCPFlags: x.TCPFlags, Packets: x.Packets, Bytes: x.Bytes, Last: x.Last,
		}
	}
	f.recorder.Add(out)
}

// refused takes what dropped packets are to flow logs.
func (f *flowLogs) refused(vpc cloud.VPCID, flows []dataplane.Flow, lost bool) {
	f.add(flows)
	if lost {
		f.recorder.SkipAll(vpc)
	}
}

// deliver writes lines, of one log and interface, to the log's group if its role
// may, and to its file.
func (f *flowLogs) deliver(_ context.Context, lines []flowlog.Line) {
	if len(lines) == 0 {
		return
	}
	l := lines[0].Log
	if _, ok := cloud.FlowLogs.Get(f.d.store.View(), l.ID); !ok {
		return
	}
	f.append(l, lines)
	if f.d.cfg.flowDir == "" {
		return
	}
	if err := writeFlows(f.d.cfg.flowDir, lines, time.Now()); err != nil {
		f.d.log.Error("flow log not written", "flowlog", l.ID, "err", err)
	}
}

// append adds lines to a log's group, in the words of the dialect that made the log.
func (f *flowLogs) append(l *cloud.FlowLog, lines []flowlog.Line) {
	to := logs.Scope{Account: l.Account, Region: l.Region}
	if alivpc.MadeFlowLog(l) {
		if alivpc.FlowLogTrouble(f.d.control, l) != "" {
			return
		}
		for _, line := range lines {
			if fields, ok := alivpc.FlowFields(l, line.Text); ok {
				f.d.logs.AppendEvent(to, l.Group, string(line.ENI), logs.Event{Time: line.Time, Message: line.Text, Fields: fields})
			}
		}
		return
	}
	if ec2.FlowLogTrouble(f.d.control, l) != "" {
		return
	}
	for _, line := range lines {
		f.d.logs.Append(to, l.Group, ec2.FlowLogStream(l, line.ENI), line.Time, line.Text)
	}
}

// writeFlows appends lines to the file of their log and day. Its first line
// names the fields, as in the vendor's files.
func writeFlows(dir string, lines []flowlog.Line, now time.Time) (err error) {
	l := lines[0].Log
	dir = filepath.Join(dir, l.Account, l.Region, string(l.ID))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, now.UTC().Format(time.DateOnly)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var b strings.Builder
	if info, err := file.Stat(); err == nil && info.Size() == 0 {
		for i, c := range l.Columns {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(c.Title)
		}
		b.WriteByte('\n')
	}
	for _, line := range lines {
		b.WriteString(line.Text + "\n")
	}
	_, err = file.WriteString(b.String())
	return err
}
