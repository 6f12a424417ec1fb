package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/iam"
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
	mux.HandleFunc("POST /_weir/down", d.local(d.down))
	mux.HandleFunc("POST /_weir/vpcs", d.local(d.blueprint))
	mux.HandleFunc("POST /_weir/why", d.local(d.why))
	mux.HandleFunc("GET /_weir/sites", d.local(d.sites))
	mux.HandleFunc("POST /_weir/sites", d.local(d.addSite))
	mux.HandleFunc("DELETE /_weir/sites", d.local(d.removeSite))
	mux.Handle("/", d.api)
	return mux
}

// operation is one of the daemon's own; its result is sent as JSON.
type operation func(r *http.Request) (any, error)

// local lets only this machine in: these operations ask for no signature. A
// browser's page must not drive them either, so requests of another origin are refused.
func (d *daemon) local(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() {
			answer(w, http.StatusForbidden, map[string]string{"error": "/_weir/ answers this machine only"})
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			answer(w, http.StatusForbidden, map[string]string{"error": "/_weir/ does not answer pages of other sites"})
			return
		}
		v, err := op(r)
		if err != nil {
			answer(w, statusOf(err), map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, v)
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
	return health{Status: "ok", Ready: d.ready(), PID: os.Getpid(), Parent: os.Getppid()}, nil
}

func (d *daemon) environment(*http.Request) (any, error) {
	return environment{Region: d.cfg.region, KeyID: control.BootstrapKeyID, Secret: control.BootstrapSecret, CABundle: d.caFile}, nil
}

func (d *daemon) reset(r *http.Request) (any, error) {
	return nil, d.control.Reset(r.Context(), iam.Managed())
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
