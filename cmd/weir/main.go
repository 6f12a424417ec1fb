// Command weir is a self-hosted serverless platform whose virtual private
// clouds are real. It holds flags, wiring and subcommands, nothing else: `up`
// runs the daemon, every other subcommand speaks to it over HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
)

// command is one subcommand.
type command struct {
	name  string
	args  string
	short string
	run   func(ctx context.Context, e env, args []string) error
}

// env is what a subcommand sees of the process, so that tests can replace it.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// errUsage marks a wrong command line; the message has been printed.
var errUsage = errors.New("usage")

func commands() []command {
	return []command{
		{"up", "", "start Weir and stay in the foreground (-d: in the background)", up},
		{"down", "", "stop the daemon, its functions and networks; the state stays for the next `weir up`", down},
		{"env", "", "print the shell settings that point AWS clients at Weir", printEnv},
		{"status", "", "what runs, what is not enforced, what went wrong", status},
		{"reset", "", "restore a fresh account in every region", reset},
		{"vpc", "create …", "create a VPC with subnets, gateways and routes in one step", vpc},
		{"attach", "-subnet … -- COMMAND", "run a program of this machine, or an image, as a host of a VPC", attach},
		{"instance", "log i-…", "what an instance has printed", instance},
		{"why", "SRC DST[:PORT]", "say whether SRC reaches DST and, if not, which rule stops it", why},
		{"usage", "", "connections and bytes of interface endpoints and NAT gateways", usageCommand},
		{"matrix", "[-vpc NAME]", "say who reaches whom in a VPC, and the internet", matrix},
		{"fc", "network|static-ip FN", "a network for a function of Function Compute, or a fixed public address", fcCommand},
		{"account", "create ID", "another account: print a key of its root", account},
		{"registry", "create|resolve …", "ACR Enterprise instances, for functions of their images", registryCommand},
		{"site", "add|remove|list …", "sites of the lab internet", site},
		{"zone", "fail|heal|limit|list …", "zones that fail, or take nothing new", zone},
		{"version", "", "print the version", version},
	}
}

func main() {
	if len(os.Args) > 6 && os.Args[1] == hostStage {
		err := becomeHost(os.Args[2:])
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(127)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == keepStage {
		if err := keep(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "weir: keeping a host:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run executes one command line and gives its exit status.
func run(ctx context.Context, e env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(e.stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, e, args[1:])
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			return 2
		}
		var status exitStatus
		if errors.As(err, &status) {
			return int(status)
		}
		fmt.Fprintf(e.stderr, "weir %s: %v\n", c.name, err)
		return 1
	}
	fmt.Fprintf(e.stderr, "weir: there is no command %q; `weir help` lists them\n", args[0])
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Weir runs serverless functions in virtual private clouds that are real.\n\nUsage: weir COMMAND [flags]")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(t, "  %s %s\t%s\n", c.name, c.args, c.short)
	}
	t.Flush()
	fmt.Fprintln(w, "\n`weir COMMAND -h` shows a command's flags.")
}

// flags returns a flag set that prints to e and never exits. Its help begins with
// usage, if there is one.
func flags(e env, name, usage string) *flag.FlagSet {
	fs := flag.NewFlagSet("weir "+name, flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	if usage != "" {
		fs.Usage = func() { fmt.Fprintln(e.stderr, usage); fs.PrintDefaults() }
	}
	return fs
}

// parse parses flags up to the first other argument.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return errUsage
}

// parseOnly parses args that are flags and nothing else.
func parseOnly(fs *flag.FlagSet, args []string) error {
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(fs.Output(), "%s: unexpected argument %q\n", fs.Name(), fs.Arg(0))
		return errUsage
	}
	return nil
}

// parseWords parses flags before, between and after min to max words, and returns those.
func parseWords(fs *flag.FlagSet, args []string, min, max int) ([]string, error) {
	var words []string
	for {
		if err := parse(fs, args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			break
		}
		words, args = append(words, fs.Arg(0)), fs.Args()[1:]
	}
	if len(words) < min || len(words) > max {
		return nil, wrong(fs)
	}
	return words, nil
}

// wrong prints how the command is used.
func wrong(fs *flag.FlagSet) error {
	fs.Usage()
	return errUsage
}
