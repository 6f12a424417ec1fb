// Command demo tells the story of the vendor's page "Enable internet access for
// VPC-connected Lambda functions" on real packets: it starts a daemon of its
// own, builds the network, runs the page's two sample functions in private and
// in public subnets, and prints what was expected beside what was seen. It
// exits 0 only if every line is as expected, and leaves nothing behind unless
// told to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

func main() {
	weir := flag.String("weir", "bin/weir", "the binary to show")
	keep := flag.Bool("keep", false, "leave the daemon running")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *weir, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, keep bool) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	d := &daemon{binary: binary, data: data}
	if err := d.start(ctx); err != nil {
		return errors.Join(err, os.RemoveAll(data))
	}
	defer func() {
		if keep {
			fmt.Printf("\nThe daemon goes on. To use it:  eval \"$(%s env -addr %s)\"\nTo stop it:  %s down -addr %s\n", binary, d.url, binary, d.url)
			return
		}
		err = errors.Join(err, d.weir(context.WithoutCancel(ctx), os.Stdout, "down"), os.RemoveAll(data))
	}()
	rows, err := tell(ctx, d)
	if err != nil {
		return err
	}
	return report(rows)
}

// daemon is the Weir under show.
type daemon struct {
	binary, data, url string
}

func (d *daemon) start(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	d.url = "http://" + addr
	return d.exec(ctx, os.Stdout, "up", "-d", "-listen", addr, "-data", d.data, "-internet", "lab")
}

// weir runs a subcommand against this daemon.
func (d *daemon) weir(ctx context.Context, out *os.File, args ...string) error {
	return d.exec(ctx, out, append(args, "-addr", d.url)...)
}

func (d *daemon) exec(ctx context.Context, out *os.File, args ...string) error {
	cmd := exec.CommandContext(ctx, d.binary, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("weir %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// row is one line of the table.
type row struct {
	what, expected, seen string
	reason               string // Weir's own explanation, where something was stopped
}

func (r row) ok() bool { return r.seen == r.expected }

func report(rows []row) error {
	w := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\n\twhat\texpected\tseen")
	bad := 0
	for _, r := range rows {
		mark := "ok"
		if !r.ok() {
			mark = "NOT"
			bad++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", mark, r.what, r.expected, r.seen)
	}
	w.Flush()
	fmt.Println("\nWhy, where something was stopped:")
	for _, r := range rows {
		if r.reason != "" {
			fmt.Printf("  %s:\n    %s\n", r.what, r.reason)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d lines are not as expected", bad, len(rows))
	}
	return nil
}
