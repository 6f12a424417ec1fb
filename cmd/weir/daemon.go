package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/balance"
	"weir/internal/bus"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/dataplane"
	"weir/internal/dataplane/linux"
	"weir/internal/dns"
	"weir/internal/host"
	"weir/internal/image"
	"weir/internal/invoke"
	"weir/internal/lab"
	"weir/internal/logs"
	"weir/internal/pki"
	"weir/internal/runtime"
	"weir/internal/sandbox"
	"weir/internal/store"
)

// daemon is everything that runs, in the order in which it is made; close goes backwards.
type daemon struct {
	cfg    *config
	log    *slog.Logger
	began  time.Time
	closer []func() error
	stop   chan struct{} // closed by POST /_weir/down

	listener  net.Listener
	ca        *pki.CA
	store     *store.Store
	logs      *logs.Logs
	control   *control.Control
	pins      *linux.Pins
	guests    *guests
	lab       *lab.Lab
	network   *dataplane.Manager
	dns       *dns.Server
	gateways  *gateways
	machines  *sandbox.Host // that instances run on
	hosts     *host.Hosts
	endpoints *endpoints
	flows     *flowLogs
	balancers *balance.Balancers
	engine    *runtime.Engine
	images    *image.Store
	invoker   *invoke.Invoker
	queue     *invoke.JetStreamQueue
	tasks     *invoke.Tasks
	async     *invoke.Async
	api       http.Handler
	named     func(host string) bool // hosts that are functions' names
	caFile    string
	token     string // of the daemon's owner

	analysers analysers // for `weir why` and `weir matrix`

	cancel context.CancelFunc
	group  *errgroup.Group
}

// start makes everything and serves; on an error it removes what it had made.
func start(ctx context.Context, c *config, log *slog.Logger) (*daemon, error) {
	d := &daemon{cfg: c, log: log, began: time.Now(), stop: make(chan struct{})}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.group, ctx = errgroup.WithContext(ctx)
	for _, step := range []func(context.Context) error{
		d.openListener, d.openState, d.writeToken, d.openTrust, d.openPins, d.findGuests, d.openControl, d.openEngine, d.openImages, d.openMachines, d.openInternet, d.openNetwork, d.takeGuests, d.openHosts, d.openInvoker, d.serve,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	return d, nil
}

// wait returns when the context ends, the daemon is told to stop, or a part of it fails.
func (d *daemon) wait(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- d.group.Wait() }()
	select {
	case <-ctx.Done():
	case <-d.stop:
	case err := <-failed:
		return err
	}
	return nil
}

// close undoes start.
func (d *daemon) close() error {
	d.cancel()
	var errs []error
	for i := len(d.closer) - 1; i >= 0; i-- {
		errs = append(errs, d.closer[i]())
	}
	if err := d.group.Wait(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, http.ErrServerClosed) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (d *daemon) onClose(f func() error) { d.closer = append(d.closer, f) }

func (d *daemon) openListener(context.Context) (err error) {
	d.listener, err = openListener(d.cfg.listen)
	if err == nil {
		d.onClose(func() error {
			if err := d.listener.Close(); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	return err
}

// openState starts the durable log and replays it.
func (d *daemon) openState(ctx context.Context) error {
	b, err := bus.Start(filepath.Join(d.cfg.data, "state"))
	if err != nil {
		return err
	}
	d.onClose(func() error { b.Close(); return nil })
	if d.store, err = store.Open(ctx, b.JetStream(), cloud.Schema()); err != nil {
		return err
	}
	if d.logs, err = logs.Open(ctx, b.JetStream()); err != nil {
		return err
	}
	d.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return d.logs.Flush(ctx)
	})
	d.group.Go(func() error { return d.sweepLogs(ctx) })
	blobs, err := store.OpenBlobs(ctx, b.JetStream())
	if err != nil {
		return err
	}
	if d.queue, err = invoke.OpenQueue(ctx, b.JetStream(), d.log); err != nil {
		return err
	}
	if d.tasks, err = invoke.OpenTasks(ctx, b.JetStream()); err != nil {
		return err
	}
	d.control = control.New(control.Deps{Store: d.store, Blobs: blobs, Logs: d.logs, Log: d.log}, d.options())
	d.onClose(func() error { _ = d.group.Wait(); return nil }) // what runs still writes to all these
	return nil
}

// sweepLogs drops log events that are older than their group keeps them.
func (d *daemon) sweepLogs(ctx context.Context) error {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hourly.C:
			if err := d.logs.Sweep(ctx); err != nil {
				d.log.Error("sweeping the logs", "err", err)
			}
		}
	}
}

// openTrust loads the CA and writes the bundle that clients and functions trust.
func (d *daemon) openTrust(context.Context) (err error) {
	if d.ca, err = pki.LoadOrCreate(filepath.Join(d.cfg.data, "ca")); err != nil {
		return err
	}
	d.ca.Use(d.domainCertificate)
	d.caFile = filepath.Join(d.cfg.data, "ca-bundle.pem")
	if err := os.WriteFile(d.caFile, d.ca.Bundle(true), 0o644); err != nil {
		return fmt.Errorf("writing the CA bundle: %w", err)
	}
	return nil
}

func (d *daemon) openControl(ctx context.Context) error {
	if err := d.control.Bootstrap(ctx, managed()); err != nil {
		return err
	}
	return d.control.ForgetHosts(ctx, d.guests.held)
}

// pinsDir is where namespaces outlive the daemon.
func (d *daemon) pinsDir() string { return filepath.Join(d.cfg.data, "network", "netns") }

// openPins finds the namespaces that an earlier daemon left.
func (d *daemon) openPins(context.Context) (err error) {
	d.pins, err = linux.OpenPins(d.pinsDir())
	if err == nil {
		d.onClose(d.pins.Close)
	}
	return err
}

// certs is the directory of the certificates that functions and instances trust.
func (d *daemon) certs() string { return filepath.Join(d.cfg.data, "certs") }

func (d *daemon) openEngine(context.Context) (err error) {
	certs := d.certs()
	if err := os.MkdirAll(certs, 0o755); err != nil {
		return err
	}
	if err := sandbox.WriteCerts(certs, d.ca.PEM()); err != nil {
		return err
	}
	d.engine, err = runtime.New(runtime.Config{Dir: filepath.Join(d.cfg.data, "sandbox"), Certs: certs, Strict: d.cfg.strictRuntimes})
	if err == nil {
		d.onClose(d.engine.Close)
	}
	return err
}

// openInternet makes the internet; its API handler is set by serve, before any VPC exists.
func (d *daemon) openInternet(ctx context.Context) (err error) {
	regions := []string{}
	for _, r := range d.control.Options().Regions {
		regions = append(regions, r.Name)
	}
	if err := lab.Sweep(nil); err != nil && d.cfg.internet == "host" {
		return err
	}
	ns, err := d.pins.Internet()
	if err != nil {
		return err
	}
	d.lab, err = lab.Start(ctx, lab.Config{
		NetNS: ns, Mode: lab.Mode(d.cfg.internet), CA: d.ca, Regions: regions, Dir: d.cfg.data, Log: d.log,
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.api.ServeHTTP(w, r) }),
	})
	if err == nil {
		d.onClose(d.lab.Close)
	}
	return err
}

func (d *daemon) openNetwork(ctx context.Context) error {
	if missing := linux.Check(); len(missing) > 0 {
		return fmt.Errorf("this machine cannot enforce networks, so Weir does not start: %s", strings.Join(missing, "; "))
	}
	kernel, err := linux.New(linux.Config{Pins: d.pins, Internet: d.lab.NetNS(), Log: d.log, AllSlow: d.cfg.allSlow})
	if err != nil {
		return err
	}
	d.dns = dns.New(dns.Config{Listen: kernel, Upstream: d.resolve, Log: d.log})
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.api.ServeHTTP(w, r) })
	d.gateways = newGateways(kernel, api, d.ca, d.log)
	d.endpoints = newEndpoints(kernel, api, d.ca, d.cfg.endpointIdle, d.log)
	d.balancers = balance.New(balance.Config{Net: kernel, Admits: admits, Log: d.log})
	d.endpoints.services = d.balancers.Connect
	d.flows = newFlowLogs(d)
	d.network = dataplane.New(dataplane.Config{
		State: d.store, Kernel: kernel, Log: d.log, Applied: d.applied, Held: d.held, EndpointIdle: d.cfg.endpointIdle, Refused: d.flows.refused,
	})
	d.onClose(d.network.Close)
	d.onClose(d.flows.close)
	d.group.Go(func() error { return d.flows.run(ctx) })
	d.onClose(func() error { d.dns.Close(); d.gateways.close(); d.endpoints.close(); d.balancers.Close(); return nil })
	d.group.Go(func() error { return d.network.Run(ctx) })
	return nil
}

func (d *daemon) openInvoker(ctx context.Context) (err error) {
	d.invoker, err = invoke.New(invoke.Config{
		State: d.store, Network: leaser{d.network}, Engine: invoke.UseRuntime(d.engine), Code: archives{d.control}, Logs: lines{d.logs},
		Log: d.log, Dir: filepath.Join(d.cfg.data, "code"), Credentials: d.credentials, Open: d.openFunction, Explain: d.explain, Dropped: d.dropped,
		Image: d.functionImage, Next: control.NextTime, IdleTimeout: d.cfg.idle, Prepared: cmp.Or(d.cfg.prepared, -1), // 0 is the invoker's own default
	})
	if err != nil {
		return err
	}
	d.onClose(func() error { d.invoker.Close(); return nil })
	d.async = invoke.NewAsync(d.invoker, invoke.AsyncConfig{Queue: d.queue, Tasks: d.tasks, State: d.store, ParseDestination: parseDestination})
	d.group.Go(func() error { return d.invoker.Run(ctx) })
	d.group.Go(func() error { return d.async.Run(ctx) })
	images := &invoke.Images{State: d.store, Fetch: d.fetchImage, Settle: d.settleImage, Log: d.log}
	d.group.Go(func() error { return images.Run(ctx) })
	d.group.Go(func() error { return d.timers().Run(ctx) })
	d.group.Go(func() error { return d.control.DrainNATs(ctx) })
	return nil
}

// serve answers on the listener.
func (d *daemon) serve(ctx context.Context) error {
	d.api = d.apiHandler()
	server := &http.Server{
		Handler: namesFirst(d.api, d.adminHandler(), d.named), ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	d.group.Go(func() error {
		if err := server.Serve(speakBoth(d.listener, d.ca)); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			return fmt.Errorf("serving %s: %w", d.cfg.listen, err)
		}
		return nil
	})
	d.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}

// readyPrefix begins the line that `weir up` prints.
const readyPrefix = "Weir is ready at "

// ready is that line.
func (d *daemon) ready() string {
	internet := "lab (a private internet; nothing leaves this machine; --internet host uses its uplink)"
	if d.cfg.internet == "host" {
		internet = "host (this machine's uplink; --internet lab keeps everything inside)"
	}
	return fmt.Sprintf(readyPrefix+"http://%s  internet: %s", d.listener.Addr(), internet)
}
