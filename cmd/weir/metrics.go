package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"text/tabwriter"

	"weir/internal/dataplane"
)

// natUse is what every NAT gateway has done since it, or this machine's network, was made.
func (d *daemon) natUse(ctx context.Context) ([]dataplane.NATUse, error) {
	out := []dataplane.NATUse{}
	var errs []error
	vpcs, _ := d.network.VPCs()
	for _, id := range vpcs {
		list, err := d.network.NATUse(ctx, id)
		out, errs = append(out, list...), append(errs, err)
	}
	slices.SortFunc(out, func(a, b dataplane.NATUse) int { return cmp.Or(cmp.Compare(a.VPC, b.VPC), cmp.Compare(a.ID, b.ID)) })
	return out, errors.Join(errs...)
}

func (d *daemon) natUsage(r *http.Request) (any, error) { return d.natUse(r.Context()) }

// natMetrics are the vendor's metrics of a NAT gateway, as Prometheus names them.
// https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html
var natMetrics = []struct {
	name, kind, help string
	value            func(dataplane.NATUse) uint64
}{
	{"weir_nat_gateway_active_connection_count", "gauge", "ActiveConnectionCount: connections that are tracked.", func(u dataplane.NATUse) uint64 { return u.ActiveConnectionCount }},
	{"weir_nat_gateway_connection_attempt_count_total", "counter", "ConnectionAttemptCount: packets that begin a connection.", func(u dataplane.NATUse) uint64 { return u.ConnectionAttemptCount }},
	{"weir_nat_gateway_error_port_allocation_total", "counter", "ErrorPortAllocation: attempts for which there was no free port.", func(u dataplane.NATUse) uint64 { return u.ErrorPortAllocation }},
	{"weir_nat_gateway_bytes_in_from_source_total", "counter", "BytesInFromSource: from clients in the VPC.", func(u dataplane.NATUse) uint64 { return u.BytesFromSource }},
	{"weir_nat_gateway_bytes_in_from_destination_total", "counter", "BytesInFromDestination: answers.", func(u dataplane.NATUse) uint64 { return u.BytesFromDestination }},
	{"weir_nat_gateway_packets_in_from_source_total", "counter", "PacketsInFromSource: from clients in the VPC.", func(u dataplane.NATUse) uint64 { return u.PacketsFromSource }},
	{"weir_nat_gateway_packets_in_from_destination_total", "counter", "PacketsInFromDestination: answers.", func(u dataplane.NATUse) uint64 { return u.PacketsFromDestination }},
}

// endpointMetrics are those of an interface endpoint in one zone.
var endpointMetrics = []struct {
	name, help string
	value      func(endpointUsage) int64
}{
	{"weir_vpc_endpoint_new_connections_total", "NewConnections: connections through the endpoint.", func(u endpointUsage) int64 { return u.Connections }},
	{"weir_vpc_endpoint_bytes_in_total", "From clients in the VPC; with those out, BytesProcessed.", func(u endpointUsage) int64 { return u.BytesIn }},
	{"weir_vpc_endpoint_bytes_out_total", "To clients in the VPC.", func(u endpointUsage) int64 { return u.BytesOut }},
}

// metrics answers GET /metrics in Prometheus' text format.
func (d *daemon) metrics(w http.ResponseWriter, r *http.Request) {
	nats, err := d.natUse(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var b bytes.Buffer
	for _, m := range natMetrics {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for _, u := range nats {
			fmt.Fprintf(&b, "%s{vpc=%q,nat_gateway=%q} %d\n", m.name, u.VPC, u.ID, m.value(u))
		}
	}
	endpoints := d.endpointUses()
	for _, m := range endpointMetrics {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s counter\n", m.name, m.help, m.name)
		for _, u := range endpoints {
			fmt.Fprintf(&b, "%s{vpc=%q,endpoint=%q,zone=%q,service=%q} %d\n", m.name, u.VPC, u.Endpoint, u.Zone, u.Service, m.value(u))
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// printNATs prints what NAT gateways have done.
func printNATs(w *tabwriter.Writer, list []dataplane.NATUse) {
	fmt.Fprintln(w, "VPC\tNAT GATEWAY\tACTIVE\tATTEMPTS\tNO PORT\tPACKETS OUT\tBYTES OUT\tPACKETS BACK\tBYTES BACK")
	for _, u := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", u.VPC, u.ID, u.ActiveConnectionCount, u.ConnectionAttemptCount, u.ErrorPortAllocation,
			u.PacketsFromSource, u.BytesFromSource, u.PacketsFromDestination, u.BytesFromDestination)
	}
}
