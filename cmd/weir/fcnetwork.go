package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"weir/internal/api/alibaba/fc"
	"weir/internal/api/alibaba/resource"
)

// fcRequest names a function of Function Compute whose network is to be set up.
type fcRequest struct {
	Region   string `json:"region"`
	Function string `json:"function"`
	// FixedAddress asks for a public address of its own, too.
	FixedAddress bool `json:"fixed_address"`
}

const fcUsage = `usage: weir fc network FUNCTION [-region R]    attach it to a VPC, a vSwitch and a security group; makes what is missing
       weir fc static-ip FUNCTION [-region R]  have it leave to the internet by an elastic IP of your own`

// fcCommand does what Function Compute's console does in one step.
func fcCommand(ctx context.Context, e env, args []string) error {
	fs := flags(e, "fc", fcUsage)
	addr := addrFlag(fs)
	region := fs.String("region", "", "region (default: the daemon's, if it is one of Alibaba Cloud's)")
	words, err := parseWords(fs, args, 2, 2)
	if err != nil {
		return err
	}
	verb, function := words[0], words[1]
	if verb != "network" && verb != "static-ip" {
		return wrong(fs)
	}
	c := newClient(*addr)
	var n fc.Network
	if err := c.call(ctx, http.MethodPost, "/_weir/fc/network", fcRequest{Region: *region, Function: function, FixedAddress: verb == "static-ip"}, &n); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s reaches VPC %s by vSwitch %s with security group %s\n", function, n.VPC, strings.Join(n.VSwitches, ", "), n.Group)
	if n.NATGateway != "" {
		fmt.Fprintf(e.stdout, "it leaves to the internet by NAT gateway %s as", n.NATGateway)
		for _, a := range n.Addresses {
			fmt.Fprintf(e.stdout, " %s", a)
		}
		fmt.Fprintln(e.stdout, ", and no longer by the platform's interface")
	}
	if len(n.Made) > 0 {
		fmt.Fprintf(e.stdout, "made: %s\n", strings.Join(n.Made, " "))
	}
	return nil
}

func (d *daemon) fcNetwork(r *http.Request) (any, error) {
	var in fcRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Region == "" {
		in.Region = d.alibabaRegion()
	}
	who := d.root(in.Region)
	who.NewID = resource.NewID
	console := fc.Console{Control: d.control, Now: time.Now}
	if in.FixedAddress {
		return console.FixedAddress(r.Context(), who, in.Function)
	}
	return console.AutoNetwork(r.Context(), who, in.Function)
}
