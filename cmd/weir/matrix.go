package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/netplan"
	"weir/internal/reach"
)

// matrixQuestion is what POST /_weir/matrix is asked.
type matrixQuestion struct {
	VPC      string       `json:"vpc"` // ID or name; "" is the only one that has interfaces
	Port     int          `json:"port"`
	Protocol string       `json:"protocol"`
	IPv6     bool         `json:"ipv6"`
	Region   string       `json:"region"`
	With     []ec2.Change `json:"with,omitempty"`
}

// matrixAnswer is its answer.
type matrixAnswer struct {
	VPC  cloud.VPCID `json:"vpc"`
	Name string      `json:"name,omitempty"`
	What string      `json:"what"`
	// Groups are interfaces whose flows all fare alike. The internet comes behind them.
	Groups []matrixGroup `json:"groups"`
	// Cells[from][to] is "ok" or an explanation code; the last row and column are
	// the internet's. On the diagonal it is a flow to another member of the
	// group, "" where there is none.
	Cells [][]string `json:"cells"`
}

// matrixGroup is a row and a column.
type matrixGroup struct {
	Interfaces []cloud.InterfaceID `json:"interfaces"`
	Names      []string            `json:"names"` // of functions and hosts behind them
	Subnet     cloud.SubnetID      `json:"subnet"`
}

// matrix asks who reaches whom.
func matrix(ctx context.Context, e env, args []string) error {
	var q matrixQuestion
	var with string
	fs := flags(e, "matrix", "")
	addr := addrFlag(fs)
	fs.StringVar(&q.VPC, "vpc", "", "ID or name (default: the only VPC that has interfaces)")
	fs.IntVar(&q.Port, "port", 443, "destination port")
	fs.StringVar(&q.Protocol, "protocol", "tcp", "tcp, udp or icmp")
	fs.BoolVar(&q.IPv6, "ipv6", false, "ask about IPv6")
	fs.StringVar(&q.Region, "region", "", "region of the VPC (default: the daemon's)")
	fs.StringVar(&with, "with", "", "file of changes to assume, as for weir why -with")
	asJSON := fs.Bool("json", false, "print JSON")
	err := parseOnly(fs, args)
	if err != nil {
		return err
	}
	if q.With, err = readChanges(e, with); err != nil {
		return err
	}
	var m matrixAnswer
	if err := newClient(*addr).call(ctx, http.MethodPost, "/_weir/matrix", q, &m); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(e.stdout, m)
	}
	return m.print(e.stdout)
}

// print writes a table: a row for each source, a column for each destination.
func (m *matrixAnswer) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: who reaches whom by %s\n\n", strings.TrimSpace(string(m.VPC)+" "+m.Name), m.What)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := []string{"", "from \\ to"}
	for i := range m.Cells {
		head = append(head, m.number(i))
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for i, row := range m.Cells {
		line := []string{m.number(i), internet}
		if i < len(m.Groups) {
			line[1] = m.Groups[i].label()
		}
		for _, c := range row {
			if c == "" {
				c = "-"
			}
			line = append(line, c)
		}
		fmt.Fprintln(t, strings.Join(line, "\t"))
	}
	return t.Flush()
}

func (m *matrixAnswer) number(i int) string {
	if i == len(m.Groups) {
		return internet
	}
	return strconv.Itoa(i + 1)
}

// label names a group by what is behind it, briefly.
func (g *matrixGroup) label() string {
	const shown = 3
	names := g.Names
	if len(names) == 0 {
		for _, id := range g.Interfaces {
			names = append(names, string(id))
		}
	}
	text := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " (" + string(g.Subnet) + ")"
}

func (d *daemon) matrix(r *http.Request) (any, error) {
	var q matrixQuestion
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if len(q.With) == 0 {
		return d.asker(q.Region).matrix(q)
	}
	then, err := d.suppose(r.Context(), q.Region, q.With)
	if err != nil {
		return nil, err
	}
	return then.matrix(q)
}

func (k asker) matrix(q matrixQuestion) (*matrixAnswer, error) {
	protocol, err := protocolOf(q.Protocol)
	if err != nil {
		return nil, err
	}
	if protocol != 1 && (q.Port < 1 || q.Port > 65535) {
		return nil, cloud.Errorf(cloud.Invalid, "", strconv.Itoa(q.Port), "port", "%d is no port", q.Port)
	}
	vpc, err := k.vpc(q.VPC)
	if err != nil {
		return nil, err
	}
	x := k.analyser(vpc.ID)
	m := x.Matrix(reach.MatrixQuery{Protocol: protocol, Port: q.Port, IPv6: q.IPv6, Internet: outsideHost(q.IPv6)})
	out := &matrixAnswer{VPC: vpc.ID, Name: vpc.Tags["Name"], What: strings.ToUpper(protocolName(q.Protocol)), Groups: []matrixGroup{}}
	if protocol != 1 {
		out.What += " port " + strconv.Itoa(q.Port)
	}
	if q.IPv6 {
		out.What += " over IPv6"
	}
	order := k.groups(out, x.Plan(), m)
	for i, from := range order {
		line := make([]string, len(order))
		for j, to := range order {
			switch c := m.Cells[from][to]; {
			case i == j && (i == len(out.Groups) || len(out.Groups[i].Interfaces) == 1):
			case c.Reachable:
				line[j] = "ok"
			default:
				line[j] = c.Code
			}
		}
		out.Cells = append(out.Cells, line)
	}
	return out, nil
}

// groups puts m's groups into out by name, but NAT gateways, which open nothing
// and take nothing in, and returns their places in m, the internet's last.
func (k asker) groups(out *matrixAnswer, p *netplan.Plan, m *reach.Matrix) []int {
	names, at := k.names(out.VPC), map[string]int{}
	for i, ids := range m.Groups {
		e := p.ENI(ids[0])
		if e.Attach == netplan.AttachNAT {
			continue
		}
		g := matrixGroup{Interfaces: ids, Names: []string{}, Subnet: e.Subnet}
		for _, id := range ids {
			g.Names = append(g.Names, names[id]...)
		}
		out.Groups, at[string(ids[0])] = append(out.Groups, g), i
	}
	slices.SortStableFunc(out.Groups, func(a, b matrixGroup) int { return slices.Compare(a.Names, b.Names) })
	var order []int
	for _, g := range out.Groups {
		order = append(order, at[string(g.Interfaces[0])])
	}
	return append(order, len(m.Groups))
}

func protocolName(s string) string {
	if s == "" {
		return "tcp"
	}
	return s
}

// vpc finds a VPC by ID or name, or the only one that has interfaces.
func (k asker) vpc(name string) (*cloud.VPC, error) {
	var found []*cloud.VPC
	var all []string
	for v := range cloud.VPCs.By(k.v, "scope", cloud.Scope(k.account, k.region)) {
		if v.Service && string(v.ID) != name {
			continue
		}
		used := false
		for range cloud.Interfaces.By(k.v, "vpc", string(v.ID)) {
			used = true
			break
		}
		if name == "" && used || name != "" && (string(v.ID) == name || v.Tags["Name"] == name) {
			found = append(found, v)
		}
		all = append(all, strings.TrimSpace(string(v.ID)+" "+v.Tags["Name"]))
	}
	slices.Sort(all)
	switch {
	case len(found) == 1:
		return found[0], nil
	case name == "":
		return nil, cloud.Errorf(cloud.Invalid, cloud.KindVPC, "", "which", "%d VPCs in %s have interfaces; name one of: %s", len(found), k.region, strings.Join(all, ", "))
	case len(found) == 0:
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindVPC, name, "", "there is no VPC %q in %s; there are: %s", name, k.region, strings.Join(all, ", "))
	}
	return nil, cloud.Errorf(cloud.Invalid, cloud.KindVPC, name, "ambiguous", "several VPCs are called %q; name one by its ID: %s", name, strings.Join(all, ", "))
}

// names are what users call the interfaces of a VPC: functions, hosts, gateways.
func (k asker) names(vpc cloud.VPCID) map[cloud.InterfaceID][]string {
	out := map[cloud.InterfaceID][]string{}
	for f := range cloud.Functions.By(k.v, "vpc", string(vpc)) {
		for _, id := range f.Latest.Network.Interfaces {
			out[id] = append(out[id], f.Name)
		}
	}
	for i := range cloud.Interfaces.By(k.v, "vpc", string(vpc)) {
		switch {
		case len(out[i.ID]) > 0:
		case i.Hostname != "":
			out[i.ID] = []string{i.Hostname}
		case i.Tags["Name"] != "":
			out[i.ID] = []string{i.Tags["Name"]}
		case i.Use == cloud.UseNAT || i.Use == cloud.UseEndpoint || i.Use == cloud.UseBalancer:
			out[i.ID] = []string{i.Owner}
		default:
			out[i.ID] = []string{string(i.ID)}
		}
	}
	return out
}
