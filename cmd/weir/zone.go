package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"weir/internal/cloud"
	"weir/internal/control"
)

// zoneRecord is one zone, as /_weir/zones speaks of it.
type zoneRecord struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Failed  bool   `json:"failed"`
	Limited bool   `json:"limited"`
}

// zoneChange is POST /_weir/zones: what is not null changes. Zone "" is all of the region.
type zoneChange struct {
	Region  string `json:"region"`
	Zone    string `json:"zone"`
	Failed  *bool  `json:"failed"`
	Limited *bool  `json:"limited"`
}

func (d *daemon) zones(r *http.Request) (any, error) {
	return d.zonesOf(d.root(r.URL.Query().Get("region")).Region)
}

func (d *daemon) zonesOf(region string) ([]zoneRecord, error) {
	if _, ok := d.control.Region(region); !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindZone, region, "region", "there is no region %q", region)
	}
	var out []zoneRecord
	for _, z := range d.control.Zones(d.store.View(), region) {
		out = append(out, zoneRecord{z.Name, z.ID, z.Failed, z.Limited})
	}
	return out, nil
}

func (d *daemon) changeZone(r *http.Request) (any, error) {
	var in zoneChange
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	region := d.root(in.Region).Region
	if err := d.control.ChangeZone(r.Context(), control.ChangeZone{Region: region, Zone: in.Zone, Failed: in.Failed, Limited: in.Limited}); err != nil {
		return nil, err
	}
	return d.zonesOf(region)
}

const zoneUsage = `usage: weir zone list [-region R]
       weir zone fail ZONE [-region R]          nothing there sends or receives any more
       weir zone heal [ZONE] [-region R]        it works again; without ZONE, all of the region
       weir zone limit ZONE [-off] [-region R]  nothing new is placed there
ZONE is a zone's name or ID: us-east-1a, use1-az1.`

// zone has zones fail and heal.
func zone(ctx context.Context, e env, args []string) error {
	fs := flags(e, "zone", zoneUsage)
	addr := addrFlag(fs)
	var in zoneChange
	fs.StringVar(&in.Region, "region", "", "region of the zone; the daemon's if not given")
	off := fs.Bool("off", false, "lift the limit")
	words, err := parseWords(fs, args, 1, 2)
	if err != nil {
		return err
	}
	if len(words) == 2 {
		in.Zone = words[1]
	}
	yes, no, limited := true, false, !*off
	switch verb := words[0]; {
	case *off && verb != "limit":
		return wrong(fs)
	case verb == "list" && in.Zone == "":
		return printZones(ctx, e, newClient(*addr), http.MethodGet, "/_weir/zones?region="+url.QueryEscape(in.Region), nil)
	case verb == "fail" && in.Zone != "":
		in.Failed = &yes
	case verb == "heal":
		in.Failed = &no
	case verb == "limit" && in.Zone != "":
		in.Limited = &limited
	default:
		return wrong(fs)
	}
	return printZones(ctx, e, newClient(*addr), http.MethodPost, "/_weir/zones", in)
}

// printZones makes a call that answers with a region's zones and prints them.
func printZones(ctx context.Context, e env, c client, method, path string, in any) error {
	var all []zoneRecord
	if err := c.call(ctx, method, path, in, &all); err != nil {
		return err
	}
	for _, z := range all {
		state := "available"
		switch {
		case z.Failed && z.Limited:
			state = "failed, limited"
		case z.Failed:
			state = "failed"
		case z.Limited:
			state = "limited"
		}
		fmt.Fprintf(e.stdout, "%-16s %-12s %s\n", z.Name, z.ID, state)
	}
	return nil
}
