package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// attachRequest asks the daemon to run a program as a host of a VPC.
type attachRequest struct {
	Region string   `json:"region"`
	Subnet string   `json:"subnet"`
	Groups []string `json:"groups"`
	Addr   string   `json:"addr"`
	IPv6   bool     `json:"ipv6"`
	Name   string   `json:"name"`
	Argv   []string `json:"argv"`
	Env    []string `json:"env"`
	Dir    string   `json:"dir"`
	User   string   `json:"user"` // "uid:gid", "" for the daemon's own
}

// attached is what the daemon says of the host before the program runs.
type attached struct {
	Interface string   `json:"interface"`
	Addrs     []string `json:"addrs"`
	Public    string   `json:"public,omitempty"`
	Dir       string   `json:"dir"` // where its keeper listens
	Names     []string `json:"names"`
}

// attach runs a program of this machine as a host of a VPC: with a network
// interface, security groups and names of its own there.
func attach(ctx context.Context, e env, args []string) error {
	var in attachRequest
	fs := flags(e, "attach")
	addr := addrFlag(fs)
	fs.StringVar(&in.Region, "region", "", "region (default: the daemon's)")
	fs.StringVar(&in.Subnet, "subnet", "", "subnet ID (needed)")
	groups := fs.String("security-group", "", "security group IDs, separated by commas (default: the VPC's default group)")
	fs.StringVar(&in.Addr, "ip", "", "private IPv4 address (default: a free one)")
	fs.BoolVar(&in.IPv6, "ipv6", false, "also an IPv6 address, where the subnet does not give one by itself")
	fs.StringVar(&in.Name, "name", "", "name in the VPC's DNS: NAME.weir.internal")
	fs.StringVar(&in.User, "user", "", "run as uid:gid (default: the daemon's user)")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: weir attach -subnet subnet-… [flags] -- COMMAND ARG…")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return errUsage
	}
	if in.Subnet == "" || fs.NArg() == 0 {
		fs.Usage()
		return errUsage
	}
	in.Argv, in.Env = fs.Args(), os.Environ()
	if *groups != "" {
		in.Groups = strings.Split(*groups, ",")
	}
	var err error
	if in.Dir, err = os.Getwd(); err != nil {
		return err
	}
	c := newClient(*addr)
	if err := c.asOwner(ctx); err != nil {
		return err
	}
	var at attached
	if err := c.call(ctx, http.MethodPost, "/_weir/attach", in, &at); err != nil {
		return err
	}
	conn, err := dialKeeper(at.Dir, keeperClient)
	if err != nil {
		return fmt.Errorf("reaching the program's keeper: %w", err)
	}
	defer conn.Close()
	fmt.Fprintf(e.stderr, "weir: %s at %s%s\n", at.Interface, strings.Join(append(at.Addrs, at.Names...), " "), publicNote(at.Public))
	return followAttach(ctx, e, conn)
}

// followAttach carries stdin, stdout, stderr and signals until the program ends.
// The daemon has no part in that: it may come and go.
func followAttach(ctx context.Context, e env, conn net.Conn) error {
	send := sender(conn)
	go func() {
		_, _ = io.Copy(frameWriter{frameInput, send}, e.stdin)
		_ = send(frameInput, nil) // its end
	}()
	stop := context.AfterFunc(ctx, func() { _ = send(frameSignal, []byte{byte(syscall.SIGTERM)}) })
	defer stop()
	for {
		kind, b, err := readFrame(conn)
		if err != nil {
			return fmt.Errorf("the daemon ended the connection: %w", err)
		}
		switch kind {
		case frameOutput:
			_, _ = e.stdout.Write(b)
		case frameError:
			_, _ = e.stderr.Write(b)
		case frameExit:
			if len(b) == 1 && b[0] == 0 {
				return nil
			}
			return exitStatus(b[0])
		}
	}
}

func publicNote(addr string) string {
	if addr == "" {
		return ""
	}
	return ", public address " + addr
}

// exitStatus is a program's own exit status, passed on without a message.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
