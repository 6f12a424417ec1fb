// Command bench measures what matters most for speed, as ratios against named
// baselines in one run: both sides of every ratio are measured in turns, round
// by round, so that whatever else the machine does falls on both. It starts
// daemons of its own, and prints a Markdown table, which -out also puts into
// the document of results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	weir := flag.String("weir", "bin/weir", "the binary to measure")
	out := flag.String("out", "docs/benchmarks.md", `document to put the results into; "" for none`)
	only := flag.String("only", "", "comma-separated parts to measure: cold, start, warm, network; all if empty")
	patience := flag.Duration("patience", 2*time.Minute, "how long to wait for a machine with less than 3 running processes")
	bare := flag.Bool("bare-server", false, "internal: serve the baseline of the warm part")
	flag.Parse()
	if *bare {
		serveBare()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *weir, *out, *only, *patience); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parts of the run, in order.
var parts = []struct {
	name string
	run  func(ctx context.Context, weir string) ([]result, error)
}{
	{"network", network}, {"start", starts}, {"cold", cold}, {"warm", warm},
}

func run(ctx context.Context, weir, out, only string, patience time.Duration) error {
	weir, err := filepath.Abs(weir)
	if err != nil {
		return err
	}
	began := time.Now()
	var all []result
	var loads []string
	for _, p := range parts {
		if only != "" && !strings.Contains(","+only+",", ","+p.name+",") {
			continue
		}
		before := quiet(ctx, patience)
		results, err := p.run(ctx, weir)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: load %s before, %s after, %s since the start\n", p.name, before, load(), time.Since(began).Round(time.Second))
		loads = append(loads, fmt.Sprintf("%s %s→%s", p.name, before, load()))
		all = append(all, results...)
	}
	report := markdown(all, describe(loads))
	fmt.Print(report)
	if out == "" || only != "" {
		return nil
	}
	return errors.Join(os.WriteFile(out, []byte(head+report+tail), 0o644))
}

// quiet waits a bounded time for the machine's load to fall to what the run itself makes.
func quiet(ctx context.Context, patience time.Duration) string {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		var one float64
		if _, err := fmt.Sscan(load(), &one); err != nil || one <= 3 {
			break
		}
		time.Sleep(2 * time.Second)
	}
	return load()
}

// load is the load average over a minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}
