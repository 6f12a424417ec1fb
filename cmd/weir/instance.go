package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"weir/internal/api/alibaba/ecs"
	alists "weir/internal/api/alibaba/sts"
	"weir/internal/api/aws/sts"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/host"
	"weir/internal/sandbox"
)

// openMachines prepares what instances run on, and finds those that run.
func (d *daemon) openMachines(context.Context) (err error) {
	d.machines, err = sandbox.Open(sandbox.Config{Dir: filepath.Join(d.cfg.data, "hosts"), Certs: d.certs(), Machines: true, Outlive: !inRootless()})
	if err != nil {
		return fmt.Errorf("preparing instances: %w", err)
	}
	d.onClose(d.machines.Close)
	return nil
}

// held says whether something that an earlier daemon started runs behind an interface.
func (d *daemon) held(id cloud.InterfaceID) bool {
	if d.guests.held(id) {
		return true
	}
	v := d.store.View()
	for _, left := range d.machines.Left() {
		if i, ok := cloud.Instances.Get(v, cloud.InstanceID(left.ID)); ok && i.Interface == id {
			return true
		}
	}
	return false
}

// openHosts starts the instances that the state wants up, and follows it.
func (d *daemon) openHosts(ctx context.Context) error {
	certs := "/etc/ssl/certs/ca-certificates.crt"
	machines := d.machines
	for _, left := range machines.Left() {
		if _, ok := cloud.Instances.Get(d.store.View(), cloud.InstanceID(left.ID)); !ok {
			if err := machines.EndLeft(left.ID); err != nil {
				return fmt.Errorf("ending an instance that is gone: %w", err)
			}
		}
	}
	d.hosts = host.New(host.Config{
		State: d.store, Lease: d.lease, Settled: d.control.Settled, Machine: host.Machines{Host: machines}, Log: d.log, Credentials: d.instanceCredentials, Words: instanceWords,
		Env: []string{"SSL_CERT_FILE=" + certs, "AWS_CA_BUNDLE=" + certs, "REQUESTS_CA_BUNDLE=" + certs, "NODE_EXTRA_CA_CERTS=" + filepath.Join(filepath.Dir(certs), "extra.crt")},
	})
	ended := make(chan struct{})
	d.onClose(func() error { <-ended; return machines.Close() })
	d.group.Go(func() error {
		defer close(ended)
		return d.hosts.Run(ctx)
	})
	return nil
}

// instanceWords are how an instance asks about itself, in the dialect that made it.
func instanceWords(i *cloud.Instance) *host.Words {
	if !ecs.Made(i) {
		return nil
	}
	return &host.Words{Addr: ecs.MetadataAddr, Header: ecs.MetadataHeader, Items: func(v cloud.View, i *cloud.Instance, credentials func() (host.Credentials, error)) map[string]string {
		return ecs.Metadata(v, i, func() (*control.Session, error) {
			c, err := credentials()
			return &control.Session{KeyID: c.KeyID, Secret: c.Secret, Token: c.Token, Expires: c.ExpiresAt}, err
		})
	}}
}

// instanceCredentials issues those of an instance's role, or of the role in its profile.
func (d *daemon) instanceCredentials(ctx context.Context, i *cloud.Instance) (host.Credentials, error) {
	if i.Role != "" {
		s, err := alists.InstanceSession(ctx, d.control, i.Account, i.Role, i.ID, instanceLife)
		if err != nil {
			return host.Credentials{}, err
		}
		return host.Credentials{Role: i.Role, KeyID: s.KeyID, Secret: s.Secret, Token: s.Token, Updated: time.Now(), ExpiresAt: s.Expires}, nil
	}
	p, err := d.control.InstanceProfile(i.Account, i.Profile)
	if err != nil {
		return host.Credentials{}, err
	}
	if len(p.Roles) == 0 {
		return host.Credentials{}, cloud.Errorf(cloud.State, cloud.KindInstanceProfile, i.Profile, "no-role", "the instance profile %s has no role", i.Profile)
	}
	s, err := sts.InstanceSession(ctx, d.control, i.Account, p.Roles[0], i.ID, instanceLife)
	if err != nil {
		return host.Credentials{}, err
	}
	return host.Credentials{Role: p.Roles[0], KeyID: s.KeyID, Secret: s.Secret, Token: s.Token, Updated: time.Now(), ExpiresAt: s.Expires}, nil
}

// instanceLife is how long an instance's credentials last.
const instanceLife = 6 * time.Hour

// lease waits until the network has an interface and lends its namespace.
func (d *daemon) lease(ctx context.Context, eni *cloud.Interface, rev uint64) (*host.Slot, error) {
	if err := d.network.Settle(ctx, eni.VPC, rev); err != nil {
		return nil, err
	}
	s, err := d.network.Lease(ctx, eni.ID)
	if err != nil {
		return nil, err
	}
	out := &host.Slot{NetNS: s.NetNS, Resolvers: s.Resolvers, Release: s.Close}
	if plan := d.network.Plan(eni.VPC); plan != nil {
		out.Search = plan.DNS.Search
	}
	return out, nil
}

// consoleText is the answer of GET /_weir/instances/{id}/console.
type consoleText struct {
	Text string `json:"text"`
}

// consoleOf answers what an instance has printed.
func (d *daemon) consoleOf(r *http.Request) (any, error) {
	id := cloud.InstanceID(r.PathValue("id"))
	if _, ok := cloud.Instances.Get(d.store.View(), id); !ok {
		return nil, cloud.Errorf(cloud.NotFound, cloud.KindInstance, string(id), "", "there is no instance %q; `aws ec2 describe-instances` lists them", id)
	}
	text, _ := d.hosts.Console(id)
	return consoleText{text}, nil
}

// instance shows what an instance has printed.
func instance(ctx context.Context, e env, args []string) error {
	fs := flags(e, "instance", "usage: weir instance log i-…")
	addr := addrFlag(fs)
	words, err := parseWords(fs, args, 2, 2)
	if err != nil {
		return err
	}
	if words[0] != "log" {
		return wrong(fs)
	}
	c := newClient(*addr)
	if err := c.asOwner(ctx); err != nil {
		return err
	}
	var out consoleText
	if err := c.call(ctx, http.MethodGet, "/_weir/instances/"+url.PathEscape(words[1])+"/console", nil, &out); err != nil {
		return err
	}
	fmt.Fprint(e.stdout, out.Text)
	return nil
}
