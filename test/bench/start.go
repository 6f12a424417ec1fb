package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/sandbox"
)

const startRounds = 40

// starts measures what the sandbox with a network namespace adds to an
// interpreter's start.
func starts(ctx context.Context, _ string) (_ []result, err error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	host, err := sandbox.Open(sandbox.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(host.Close(), err) }()
	netns, err := newNetNS()
	if err != nil {
		return nil, err
	}
	defer netns.Close()
	var groups [][]*contender
	languages := []language{python, node}
	bares, boxes := make([]*contender, len(languages)), make([]*contender, len(languages))
	serial := 0
	for i, l := range languages {
		bares[i] = &contender{start: bareStart(l.bare)}
		boxes[i] = &contender{start: func(ctx context.Context) (time.Duration, error) {
			serial++
			return sandboxStart(ctx, host, netns, fmt.Sprintf("bench%d", serial), l.bare)
		}}
		groups = append(groups, []*contender{bares[i], boxes[i]})
	}
	if err := rounds(ctx, startRounds, 0, groups); err != nil {
		return nil, err
	}
	var out []result
	for i, l := range languages {
		in, bare := boxes[i].took, bares[i].took
		more := make([]time.Duration, len(in))
		for n := range in {
			more[n] = in[n] - bare[n]
		}
		out = append(out, result{what: l.name + " in a sandbox with a network namespace", measured: in.String(),
			against: "bare `" + l.bare[0] + "`: " + bare.String()}.within(spanOf(more), 10*time.Millisecond))
	}
	return out, nil
}

func sandboxStart(ctx context.Context, host *sandbox.Host, netns *os.File, id string, argv []string) (time.Duration, error) {
	first := make(chan struct{}, 1)
	start := time.Now()
	s, err := host.Start(ctx, sandbox.Spec{ID: id, Argv: argv, Env: bareEnv, NetNS: netns,
		Limits: sandbox.Limits{MemoryMiB: 256, Pids: 1024}, Output: func(sandbox.Line) {
			select {
			case first <- struct{}{}:
			default:
			}
		}})
	if err != nil {
		return 0, err
	}
	select {
	case <-first:
	case <-s.Done():
	}
	took := time.Since(start)
	exit, err := s.Wait(ctx)
	if err == nil && (exit.Err != nil || exit.Code != 0 || exit.Signal != 0) {
		err = errors.New(exit.String())
	}
	return took, err
}

// newNetNS makes a network namespace that lives as long as the file.
func newNetNS() (*os.File, error) {
	type made struct {
		f   *os.File
		err error
	}
	out := make(chan made)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			out <- made{nil, fmt.Errorf("making a network namespace: %w", err)}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		out <- made{f, err}
	}()
	m := <-out
	return m.f, m.err
}
