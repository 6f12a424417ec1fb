package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	conn, r, err := openAttach(ctx, *addr, in)
	if err != nil {
		return err
	}
	defer conn.Close()
	return followAttach(ctx, e, conn, r)
}

// openAttach asks the daemon and takes the connection over.
func openAttach(ctx context.Context, addr string, in attachRequest) (net.Conn, *bufio.Reader, error) {
	c := newClient(addr)
	if err := c.asOwner(ctx); err != nil {
		return nil, nil, err
	}
	base, err := url.Parse(c.base)
	if err != nil {
		return nil, nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", base.Host)
	if err != nil {
		return nil, nil, fmt.Errorf("no daemon answers at %s: start one with `weir up`: %w", base, err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequest(http.MethodPost, base.String()+"/_weir/attach", strings.NewReader(string(body)))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "weir-attach")
	req.Header.Set(tokenHeader, c.owner)
	if err := req.Write(conn); err != nil {
		conn.Close()
		return nil, nil, err
	}
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, req)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		b, _ := io.ReadAll(res.Body)
		return nil, nil, errors.New(answerError(res.Status, b))
	}
	return conn, r, nil
}

// followAttach carries stdin, stdout, stderr and signals until the program ends.
func followAttach(ctx context.Context, e env, conn net.Conn, r io.Reader) error {
	send := sender(conn)
	go func() {
		_, _ = io.Copy(frameWriter{frameInput, send}, e.stdin)
		_ = send(frameInput, nil) // its end
	}()
	stop := context.AfterFunc(ctx, func() { _ = send(frameSignal, []byte{byte(syscall.SIGTERM)}) })
	defer stop()
	for {
		kind, b, err := readFrame(r)
		if err != nil {
			return fmt.Errorf("the daemon ended the connection: %w", err)
		}
		switch kind {
		case frameInfo:
			var a attached
			if err := json.Unmarshal(b, &a); err != nil {
				return err
			}
			fmt.Fprintf(e.stderr, "weir: %s at %s%s\n", a.Interface, strings.Join(append(a.Addrs, a.Names...), " "), publicNote(a.Public))
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
