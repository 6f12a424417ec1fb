package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/lab"
)

// adminHandler serves /_weir/ to this machine, and everything else to the API.
func (d *daemon) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_weir/health", d.local(d.health))
	mux.HandleFunc("GET /_weir/status", d.local(d.status))
	mux.HandleFunc("GET /_weir/env", d.local(d.environment))
	mux.HandleFunc("POST /_weir/reset", d.local(d.reset))
	mux.HandleFunc("POST /_weir/down", d.guard(d.owner(d.plain(d.down))))
	mux.HandleFunc("POST /_weir/vpcs", d.local(d.blueprint))
	mux.HandleFunc("POST /_weir/fc/network", d.local(d.fcNetwork))
	mux.HandleFunc("POST /_weir/registries", d.local(d.changeRegistry))
	mux.HandleFunc("POST /_weir/accounts", d.guard(d.owner(d.plain(d.createAccount))))
	mux.HandleFunc("POST /_weir/attach", d.guard(d.owner(d.plain(d.attach))))
	mux.HandleFunc("GET /_weir/instances/{id}/console", d.guard(d.owner(d.plain(d.consoleOf))))
	mux.HandleFunc("POST /_weir/why", d.local(d.why))
	mux.HandleFunc("POST /_weir/matrix", d.local(d.matrix))
	mux.HandleFunc("GET /_weir/usage", d.local(d.endpointUsage))
	mux.HandleFunc("GET /_weir/zones", d.local(d.zones))
	mux.HandleFunc("POST /_weir/zones", d.local(d.changeZone))
	mux.HandleFunc("GET /_weir/usage/nat", d.local(d.natUsage))
	mux.HandleFunc("GET /metrics", d.guard(d.metrics))
	mux.HandleFunc("GET /_weir/sites", d.local(d.sites))
	mux.HandleFunc("POST /_weir/sites", d.guard(d.owner(d.plain(d.addSite))))
	mux.HandleFunc("DELETE /_weir/sites", d.local(d.removeSite))
	mux.Handle("/", d.api)
	return mux
}

// operation is one of the daemon's own; its result is sent as JSON.
type operation func(r *http.Request) (any, error)

// local lets only this machine in and sends the result as JSON.
func (d *daemon) local(op operation) http.HandlerFunc {
	return d.guard(d.plain(op))
}

// plain sends an operation's result as JSON.
func (d *daemon) plain(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := op(r)
		if err != nil {
			answer(w, statusOf(err), map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, v)
	}
}

// owner asks for the token that only the daemon's own user can read: these
// operations run programs and read files as that user.
func (d *daemon) owner(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(d.token)) != 1 {
			answer(w, http.StatusForbidden, map[string]string{"error": "this needs the token in " + d.tokenFile() + ": run weir as the daemon's user"})
			return
		}
		next(w, r)
	}
}

const tokenHeader = "X-Weir-Token"

func (d *daemon) tokenFile() string { return filepath.Join(d.cfg.data, "token") }

// writeToken makes the token of this run.
func (d *daemon) writeToken(context.Context) error {
	d.token = rand.Text()
	if err := os.Remove(d.tokenFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replacing the daemon's token: %w", err)
	}
	if err := os.WriteFile(d.tokenFile(), []byte(d.token), 0o600); err != nil {
		return fmt.Errorf("writing the daemon's token: %w", err)
	}
	return nil
}

// guard keeps everybody out but this machine: these operations ask for no
// signature. A browser's page must not drive them either, so requests of
// another origin are refused.
func (d *daemon) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !wire.FromThisMachine(r) {
			answer(w, http.StatusForbidden, map[string]string{"error": "/_weir/ answers this machine only"})
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" || r.Header.Get("Origin") != "" {
			answer(w, http.StatusForbidden, map[string]string{"error": "/_weir/ does not answer pages of other sites"})
			return
		}
		next(w, r)
	}
}

// statusOf is the HTTP status of a neutral error.
func statusOf(err error) int {
	var e *cloud.Error
	if !errors.As(err, &e) {
		return http.StatusInternalServerError
	}
	switch e.Kind {
	case cloud.NotFound:
		return http.StatusNotFound
	case cloud.Unavailable, cloud.Exhausted:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if v == nil {
		v = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return cloud.Errorf(cloud.Malformed, "", "", "json", "the request's body: %v", err)
	}
	return nil
}

func (d *daemon) health(*http.Request) (any, error) {
	return health{Status: "ok", Ready: d.ready(), PID: os.Getpid(), Token: d.tokenFile()}, nil
}

func (d *daemon) environment(*http.Request) (any, error) {
	return environment{Region: d.cfg.region, Alibaba: d.alibabaRegion(), KeyID: control.BootstrapKeyID, Secret: control.BootstrapSecret, CABundle: d.caFile}, nil
}

func (d *daemon) reset(r *http.Request) (any, error) {
	err := d.control.Reset(r.Context(), managed())
	d.guests.end() // their interfaces are gone
	return nil, err
}

func (d *daemon) down(*http.Request) (any, error) {
	select {
	case <-d.stop:
	default:
		close(d.stop)
	}
	return nil, nil
}

// root is the principal behind the daemon's own operations.
func (d *daemon) root(region string) control.Caller {
	if region == "" {
		region = d.cfg.region
	}
	return control.Caller{
		Account: d.cfg.account, Region: region, NewID: ec2.NewID,
		Principal: cloud.Principal{Kind: cloud.PrincipalRoot, Account: d.cfg.account, ID: d.cfg.account, Name: "root"},
	}
}

func (d *daemon) blueprint(r *http.Request) (any, error) {
	var in vpcRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	caller := d.root(in.Region)
	b, err := d.control.PlanVPC(caller.Region, in.Spec)
	if err != nil || !in.Create {
		return b, err
	}
	return ec2.BuildVPC(r.Context(), d.control, caller, b)
}

func (d *daemon) sites(*http.Request) (any, error) {
	out := []siteRecord{}
	for _, s := range d.lab.Sites() {
		out = append(out, record(s))
	}
	return out, nil
}

func record(s lab.Site) siteRecord {
	return siteRecord{Name: s.Name, Dir: s.Dir, Status: s.Status, Body: s.Body, Addr: s.Host().V4.String()}
}

func (d *daemon) addSite(r *http.Request) (any, error) {
	var in siteRecord
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	s, err := d.lab.AddSite(lab.Site{Name: in.Name, Dir: in.Dir, Status: in.Status, Body: in.Body})
	if err != nil {
		return nil, err
	}
	return record(s), nil
}

func (d *daemon) removeSite(r *http.Request) (any, error) {
	return nil, d.lab.RemoveSite(r.URL.Query().Get("name"))
}
