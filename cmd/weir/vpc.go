package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"weir/internal/control"
)

// vpcRequest asks the daemon for a blueprint, or to carry it out.
type vpcRequest struct {
	Region string                `json:"region"`
	Spec   control.BlueprintSpec `json:"spec"`
	Create bool                  `json:"create"`
}

// vpc is the "VPC and more" workflow on the command line: a preview first,
// then everything is created in one transaction.
func vpc(ctx context.Context, e env, args []string) error {
	var s control.BlueprintSpec
	fs := flags(e, "vpc", "usage: weir vpc create --name NAME [flags]")
	addr := addrFlag(fs)
	region := fs.String("region", "", "region (default: the daemon's)")
	fs.StringVar(&s.Name, "name", "project", "prefix of the name tags")
	fs.StringVar(&s.CIDR, "cidr", "10.0.0.0/16", "IPv4 CIDR block")
	fs.BoolVar(&s.IPv6, "ipv6", false, "also a provided IPv6 CIDR block")
	fs.IntVar(&s.Zones, "zones", 2, "number of availability zones, 1 to 3")
	fs.IntVar(&s.PublicSubnets, "public-subnets", 2, "number of public subnets: 0 or one per zone")
	fs.IntVar(&s.PrivateSubnets, "private-subnets", 2, "number of private subnets: 0, one or two per zone")
	fs.StringVar(&s.NAT, "nat", "none", "NAT gateways: none, single (in one zone), zone (one per zone)")
	fs.BoolVar(&s.EgressOnly, "egress-only", false, "an egress-only internet gateway for IPv6")
	fs.BoolVar(&s.S3Endpoint, "s3-endpoint", false, "a gateway endpoint for S3")
	fs.BoolVar(&s.NoDNSHostnames, "no-dns-hostnames", false, "give hosts no DNS names")
	fs.BoolVar(&s.NoDNSSupport, "no-dns-support", false, "no DNS resolution in the VPC")
	yes := fs.Bool("yes", false, "create without asking")
	dry := fs.Bool("dry-run", false, "show what would be created, and stop")
	words, err := parseWords(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if words[0] != "create" {
		return wrong(fs)
	}
	c := newClient(*addr)
	var b control.Blueprint
	if err := c.call(ctx, http.MethodPost, "/_weir/vpcs", vpcRequest{Region: *region, Spec: s}, &b); err != nil {
		return err
	}
	printBlueprint(e.stdout, &b)
	if *dry {
		return nil
	}
	if !*yes && !confirm(e, "Create this VPC?") {
		return errors.New("nothing was created")
	}
	if err := c.call(ctx, http.MethodPost, "/_weir/vpcs", vpcRequest{Region: *region, Spec: s, Create: true}, &b); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "\nCreated:")
	printBlueprint(e.stdout, &b)
	return nil
}

func confirm(e env, question string) bool {
	fmt.Fprintf(e.stdout, "\n%s [y/N] ", question)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// label is a resource's name with its ID, as far as it has them.
func label(name, id string) string {
	switch {
	case id == "":
		return name
	case name == "":
		return id
	}
	return id + " (" + name + ")"
}

func printBlueprint(w io.Writer, b *control.Blueprint) {
	fmt.Fprintf(w, "VPC %s %s", label(b.VPC.Name, b.VPC.ID), b.VPC.CIDR)
	if b.Spec.IPv6 {
		fmt.Fprint(w, " with an IPv6 /56")
	}
	fmt.Fprintln(w)
	for _, t := range b.Tables {
		fmt.Fprintf(w, "  route table %s\n", label(t.Name, t.ID))
		for _, i := range t.Subnets {
			s := b.Subnets[i]
			fmt.Fprintf(w, "    subnet %s %s in %s\n", label(s.Name, s.ID), s.CIDR, s.Zone)
		}
		for _, r := range t.Routes {
			to := string(r.To)
			if r.To == "nat-gateway" {
				n := b.NATs[r.NAT]
				to += " " + label(n.Name, n.ID)
			}
			fmt.Fprintf(w, "    %-10s -> %s\n", r.Dest, to)
		}
		if b.Spec.S3Endpoint && !b.Subnets[t.Subnets[0]].Public {
			fmt.Fprintf(w, "    %-10s -> vpc-endpoint %s\n", "s3", b.S3)
		}
	}
	for _, n := range b.NATs {
		fmt.Fprintf(w, "  NAT gateway %s in %s, elastic IP %s %s\n", label(n.Name, n.ID), b.Subnets[n.Subnet].Name, n.EIPName, n.Address)
	}
}
