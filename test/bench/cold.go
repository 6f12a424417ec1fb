package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

const (
	coldRounds = 20
	// settling is what a pool gets to start another interpreter.
	settling = 200 * time.Millisecond
)

// contender is one thing whose start is measured in every round.
type contender struct {
	prepare func(ctx context.Context, round int) error // not measured
	start   func(ctx context.Context) (time.Duration, error)
	took    samples
}

// rounds measures every contender once per round, groups in a random order, and
// in a random order within a group: those of a group are compared, so they are
// measured close together. Before each there is a rest, in which what the one
// before has set off ends.
func rounds(ctx context.Context, n int, rest time.Duration, groups [][]*contender) error {
	for round := range n + 1 {
		for _, group := range groups {
			for _, c := range group {
				if c.prepare != nil {
					if err := c.prepare(ctx, round); err != nil {
						return err
					}
				}
			}
		}
		time.Sleep(2 * rest)
		shuffle(groups)
		for _, group := range groups {
			shuffle(group)
			for _, c := range group {
				time.Sleep(rest)
				took, err := c.start(ctx)
				if err != nil {
					return err
				}
				if round > 0 { // the first warms caches
					c.took = append(c.took, took)
				}
			}
		}
	}
	return nil
}

func shuffle[T any](s []T) { rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] }) }

// apart makes a baseline's process a session of its own, which to the kernel's
// scheduler is a group, as functions and the daemon are.
var apart = &syscall.SysProcAttr{Setsid: true}

// bareEnv keeps the variables of whoever runs this from slowing interpreters down.
var bareEnv = []string{"PATH=/usr/bin:/bin"}

// bareStart is the time from starting a program to the first byte it writes.
func bareStart(argv []string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdout, cmd.SysProcAttr, cmd.Env = w, apart, bareEnv
		start := time.Now()
		if err := errors.Join(cmd.Start(), w.Close()); err != nil {
			return 0, err
		}
		_, err = io.ReadFull(r, make([]byte, 1))
		took := time.Since(start)
		return took, errors.Join(err, cmd.Wait())
	}
}

// cold measures first invocations of functions without an instance.
func cold(ctx context.Context, weir string) (_ []result, err error) {
	languages := []language{python, node}
	bares := make([]*contender, len(languages))
	for i, l := range languages {
		bares[i] = &contender{start: bareStart(l.bare)}
	}
	groups := [][]*contender{slices.Clone(bares)}
	var pairs, ways []pair
	for _, mode := range []struct {
		name  string
		flags []string
	}{{"prepared", nil}, {"nothing prepared", []string{"-prepared", "0"}}} {
		d, startErr := startDaemon(ctx, weir, mode.flags...)
		if startErr != nil {
			return nil, startErr
		}
		defer func() { err = errors.Join(err, d.stop()) }()
		for i, l := range languages {
			p := pair{what: l.name + ", " + mode.name, bare: bares[i], argv0: l.bare[0]}
			if p.out, err = d.coldFunction(ctx, fmt.Sprint("out-", i), l, false); err != nil {
				return nil, err
			}
			if p.in, err = d.coldFunction(ctx, fmt.Sprint("in-", i), l, true); err != nil {
				return nil, err
			}
			pairs = append(pairs, p)
			groups = append(groups, []*contender{p.out, p.in})
		}
		two, err := d.twoWays(mode.name)
		if err != nil {
			return nil, err
		}
		ways = append(ways, two)
		groups = append(groups, []*contender{two.out, two.in})
	}
	if err := rounds(ctx, coldRounds, settling, groups); err != nil {
		return nil, err
	}
	var out []result
	for _, p := range pairs {
		out = append(out, p.results()...)
	}
	for _, w := range ways {
		out = append(out, result{what: "cold start with two interfaces, " + w.what, measured: w.in.took.String(), against: "without VPC: " + w.out.took.String()}.
			atMost(spanOf(ratios(w.in.took, w.out.took)), 1.10))
	}
	return out, nil
}

// twoWays are functions of Function Compute: one with a VPC and the internet by
// the platform's own interface, one with the latter alone.
func (d *daemon) twoWays(mode string) (p pair, err error) {
	c, err := d.computing()
	if err != nil {
		return p, err
	}
	p.what = "Function Compute, Python, " + mode
	if p.out, err = c.contender("one-way", false); err != nil {
		return p, err
	}
	p.in, err = c.contender("two-ways", true)
	return p, err
}

// coldFunction creates a function whose every start is cold.
func (d *daemon) coldFunction(ctx context.Context, name string, l language, inVPC bool) (*contender, error) {
	return &contender{
		prepare: func(ctx context.Context, round int) error { return d.touch(ctx, name, round) },
		start:   func(ctx context.Context) (time.Duration, error) { return d.once(ctx, name) },
	}, d.create(ctx, name, l, inVPC)
}

// pair is a function in a VPC and one without, and the interpreter alone.
type pair struct {
	what          string
	in, out, bare *contender
	argv0         string
}

func (p pair) results() []result {
	in, out, bare := p.in.took, p.out.took, p.bare.took
	return []result{
		result{what: "cold start in a VPC, " + p.what, measured: in.String(), against: "without VPC: " + out.String()}.
			atMost(spanOf(ratios(in, out)), 1.05),
		{what: "the same", measured: "p50 " + short(in.at(.5)), against: "bare `" + p.argv0 + "`: " + bare.String(),
			outcome: times(spanOf(ratios(in, bare)))},
	}
}

// once invokes a function on a connection of its own.
func (d *daemon) once(ctx context.Context, function string) (time.Duration, error) {
	request, err := d.signed(ctx, function)
	if err != nil {
		return 0, err
	}
	c, err := dial(d.addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.call(request)
}
