package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
)

// registryRequest asks for a registry, or, with an ID, has its name lead to a VPC by default.
type registryRequest struct {
	Region string `json:"region"`
	Name   string `json:"name,omitempty"`
	ID     string `json:"id,omitempty"`
	VPC    string `json:"vpc,omitempty"`
	Subnet string `json:"subnet,omitempty"`
}

// registryRecord is a registry as the answer shows it.
type registryRecord struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

const registryUsage = `usage: weir registry create NAME [-region R]                 an ACR Enterprise instance: prints its ID
       weir registry resolve ID VPC VSWITCH [-region R]     its name leads to that link by default
       weir registry resolve ID none [-region R]            its name leads to each VPC's own link
VPCs are linked by CreateInstanceVpcEndpointLinkedVpc.`

// registryCommand does what the vendor's console does for its registries, and no API.
func registryCommand(ctx context.Context, e env, args []string) error {
	fs := flags(e, "registry", registryUsage)
	addr := addrFlag(fs)
	var in registryRequest
	fs.StringVar(&in.Region, "region", "", "region; the daemon's if not given")
	words, err := parseWords(fs, args, 2, 4)
	if err != nil {
		return err
	}
	switch n := len(words); {
	case n == 2 && words[0] == "create":
		in.Name = words[1]
	case n == 3 && words[0] == "resolve" && words[2] == "none":
		in.ID = words[1]
	case n == 4 && words[0] == "resolve":
		in.ID, in.VPC, in.Subnet = words[1], words[2], words[3]
	default:
		return wrong(fs)
	}
	var out registryRecord
	if err := newClient(*addr).call(ctx, http.MethodPost, "/_weir/registries", in, &out); err != nil {
		return err
	}
	if in.Name != "" {
		fmt.Fprintln(e.stdout, out.ID)
	}
	return nil
}

var registryName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,28}[a-z0-9]$`)

// changeRegistry serves POST /_weir/registries.
func (d *daemon) changeRegistry(r *http.Request) (any, error) {
	var in registryRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	who := d.root(in.Region)
	who.NewID = resource.NewID
	if in.ID != "" {
		err := d.control.ResolveRegistry(r.Context(), who, cloud.RegistryID(in.ID), cloud.VPCID(in.VPC), cloud.SubnetID(in.Subnet))
		return registryRecord{ID: in.ID}, err
	}
	if !registryName.MatchString(in.Name) {
		return nil, cloud.Errorf(cloud.Malformed, cloud.KindRegistry, in.Name, "name", "%q is no name of a registry: 3 to 30 small letters, digits and hyphens", in.Name)
	}
	reg, err := d.control.CreateRegistry(r.Context(), who, in.Name)
	if err != nil {
		return nil, err
	}
	return registryRecord{ID: string(reg.ID), Name: reg.Name}, nil
}
