package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	warmRounds = 9
	warmRound  = time.Second
)

// serveBare is the baseline: net/http, which sends the body back. It ends with its input.
func serveBare() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
}

// startBare runs serveBare in a process of its own.
func startBare(ctx context.Context) (addr string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-bare-server")
	cmd.SysProcAttr = apart
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	addr, err = bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(addr), func() error { return errors.Join(in.Close(), cmd.Wait()) }, err
}

// side is one of the two that take turns.
type side struct {
	addr    string
	request []byte
	rates   []float64 // requests per second, by round
	took    samples
}

// warm measures warm signed invocations.
func warm(ctx context.Context, weir string) (_ []result, err error) {
	d, err := startDaemon(ctx, weir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.create(ctx, "echo", python, true); err != nil {
		return nil, err
	}
	bare, stop, err := startBare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var out []result
	for _, c := range []int{1, 16} {
		request, err := d.signed(ctx, "echo")
		if err != nil {
			return nil, err
		}
		product, baseline := &side{addr: d.addr, request: request}, &side{addr: bare, request: request}
		for round := range warmRounds + 1 {
			for _, s := range []*side{product, baseline} {
				if err := s.round(c, round == 0); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, result{
			what:     fmt.Sprintf("warm signed invocation, Python echo in a VPC, %d at once", c),
			measured: fmt.Sprintf("%.0f/s; %s", quantile(product.rates, .5), product.took),
			against:  fmt.Sprintf("bare net/http: %.0f/s; %s", quantile(baseline.rates, .5), baseline.took),
		}.atLeast(spanOf(ratios(product.rates, baseline.rates)), 0.15))
	}
	return out, nil
}

// round drives one side with c connections for a while. A round to get warm does not count.
func (s *side) round(c int, warming bool) error {
	var mu sync.Mutex // guards took and errs
	var took samples
	var errs []error
	var wg sync.WaitGroup
	start := time.Now()
	for range c {
		wg.Go(func() {
			mine, err := s.drive(start.Add(warmRound))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			errs = append(errs, err)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil || warming {
		return err
	}
	s.rates = append(s.rates, float64(len(took))/time.Since(start).Seconds())
	s.took = append(s.took, took...)
	return nil
}

// drive calls on one connection until a time.
func (s *side) drive(until time.Time) (samples, error) {
	c, err := dial(s.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var took samples
	for time.Now().Before(until) {
		d, err := c.call(s.request)
		if err != nil {
			return took, err
		}
		took = append(took, d)
	}
	return took, nil
}
