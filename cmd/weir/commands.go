package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// health is the answer of GET /_weir/health.
type health struct {
	Status string `json:"status"`
	Ready  string `json:"ready"` // the ready line
	PID    int    `json:"pid"`
	Token  string `json:"token"` // the file with the owner's token
}

// statusReport is the answer of GET /_weir/status.
type statusReport struct {
	Revision    uint64            `json:"revision"` // of the state
	Networks    map[string]uint64 `json:"networks"` // revision that the kernel shows, by VPC
	Ready       string            `json:"ready"`
	Internet    string            `json:"internet"`
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	Since       time.Time         `json:"since"`
	NotEnforced []string          `json:"not_enforced"` // what this machine cannot enforce, by name
	Runtimes    map[string]string `json:"runtimes"`     // runtime → interpreter used
	Problems    []string          `json:"problems"`
	Counts      map[string]int    `json:"counts"`
	Instances   int               `json:"instances"`
}

// environment is the answer of GET /_weir/env.
type environment struct {
	Region   string `json:"region"`
	Alibaba  string `json:"alibaba_region"` // of that dialect
	KeyID    string `json:"key_id"`
	Secret   string `json:"secret"`
	CABundle string `json:"ca_bundle"`
}

func down(ctx context.Context, e env, args []string) error {
	fs := flags(e, "down", "")
	addr := addrFlag(fs)
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	c := newClient(*addr)
	var h health
	if err := c.call(ctx, http.MethodGet, "/_weir/health", nil, &h); err != nil {
		return err
	}
	if err := c.asOwner(ctx); err != nil {
		return err
	}
	process, err := unix.PidfdOpen(h.PID, 0)
	if err != nil {
		return fmt.Errorf("finding process %d of the daemon: %w", h.PID, err)
	}
	defer unix.Close(process)
	if err := c.call(ctx, http.MethodPost, "/_weir/down", nil, nil); err != nil {
		return err
	}
	// It is down when its process has ended, whether its parent has noticed or not:
	// only then everything is cleared.
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 50); n > 0 {
			fmt.Fprintln(e.stdout, "Weir has stopped.")
			return nil
		}
	}
	return fmt.Errorf("process %d of the daemon at %s is still there", h.PID, c.base)
}

func printEnv(ctx context.Context, e env, args []string) error {
	fs := flags(e, "env", "")
	addr := addrFlag(fs)
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	c := newClient(*addr)
	var v environment
	if err := c.call(ctx, http.MethodGet, "/_weir/env", nil, &v); err != nil {
		return err
	}
	for _, kv := range [][2]string{
		{"AWS_ENDPOINT_URL", c.base}, {"AWS_ACCESS_KEY_ID", v.KeyID}, {"AWS_SECRET_ACCESS_KEY", v.Secret},
		{"AWS_DEFAULT_REGION", v.Region}, {"AWS_REGION", v.Region}, {"AWS_CA_BUNDLE", v.CABundle},
	} {
		fmt.Fprintf(e.stdout, "export %s=%s\n", kv[0], kv[1])
	}
	fmt.Fprintln(e.stdout, "unset AWS_SESSION_TOKEN AWS_PROFILE")
	printAlibabaEnv(e.stdout, c.base, v)
	return nil
}

func reset(ctx context.Context, e env, args []string) error {
	fs := flags(e, "reset", "")
	addr := addrFlag(fs)
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	if err := newClient(*addr).call(ctx, http.MethodPost, "/_weir/reset", nil, nil); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "Every region is fresh again.")
	return nil
}

func status(ctx context.Context, e env, args []string) error {
	fs := flags(e, "status", "")
	addr := addrFlag(fs)
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	var s statusReport
	if err := newClient(*addr).call(ctx, http.MethodGet, "/_weir/status", nil, &s); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, s.Ready)
	fmt.Fprintf(e.stdout, "account %s, region %s, up since %s\n", s.Account, s.Region, s.Since.Format(time.RFC3339))
	for _, k := range sortedKeys(s.Counts) {
		fmt.Fprintf(e.stdout, "  %-22s %d\n", k, s.Counts[k])
	}
	fmt.Fprintf(e.stdout, "  %-22s %d\n", "running instances", s.Instances)
	for _, k := range sortedKeys(s.Runtimes) {
		fmt.Fprintf(e.stdout, "runtime %s: %s\n", k, s.Runtimes[k])
	}
	for _, n := range s.NotEnforced {
		fmt.Fprintf(e.stdout, "not enforced on this machine: %s\n", n)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(e.stdout, "problem: %s\n", p)
	}
	return nil
}

func version(_ context.Context, e env, args []string) error {
	if err := parseOnly(flags(e, "version", ""), args); err != nil {
		return err
	}
	v := "(development)"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		v = b.Main.Version
	}
	fmt.Fprintln(e.stdout, "weir", v)
	return nil
}
