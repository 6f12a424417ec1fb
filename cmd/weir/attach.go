package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"weir/internal/image"
)

// attachRequest asks the daemon to run a program or an image as a host of a VPC.
type attachRequest struct {
	Region string   `json:"region"`
	Subnet string   `json:"subnet"`
	Groups []string `json:"groups"`
	Addr   string   `json:"addr"`
	IPv6   bool     `json:"ipv6"`
	Name   string   `json:"name"`
	Image  string   `json:"image,omitempty"`
	Argv   []string `json:"argv"` // of an image's: in place of its Cmd
	Env    []string `json:"env"`
	Dir    string   `json:"dir"`
	User   string   `json:"user"` // "uid:gid", "" for the daemon's own, or the image's
}

// attached is what the daemon says of the host before the program runs.
type attached struct {
	Interface string   `json:"interface"`
	Addrs     []string `json:"addrs"`
	Public    string   `json:"public,omitempty"`
	Dir       string   `json:"dir"` // where its keeper listens
	Names     []string `json:"names"`
}

// attach runs a program of this machine, or an image, as a host of a VPC: with a
// network interface, security groups and names of its own there.
func attach(ctx context.Context, e env, args []string) error {
	var in attachRequest
	fs := flags(e, "attach", "usage: weir attach -subnet subnet-… [flags] -- COMMAND ARG…\n       weir attach -subnet subnet-… -image REF [flags] [-- ARG…]")
	addr := addrFlag(fs)
	fs.StringVar(&in.Region, "region", "", "region (default: the daemon's)")
	fs.StringVar(&in.Subnet, "subnet", "", "subnet ID (needed)")
	groups := fs.String("security-group", "", "security group IDs, separated by commas (default: the VPC's default group)")
	fs.StringVar(&in.Addr, "ip", "", "private IPv4 address (default: a free one)")
	fs.BoolVar(&in.IPv6, "ipv6", false, "also an IPv6 address, where the subnet does not give one by itself")
	fs.StringVar(&in.Name, "name", "", "name in the VPC's DNS: NAME.weir.internal")
	fs.StringVar(&in.User, "user", "", "run as uid:gid (default: the daemon's user, or the image's)")
	fs.StringVar(&in.Image, "image", "", "OCI image to run, apart from this machine: a registry's name for it, "+image.LayoutPrefix+"DIR[:TAG] or "+image.ArchivePrefix+"FILE")
	var vars []string
	fs.Func("env", "NAME=value, or NAME for this shell's value: a variable for the image's program (repeatable)", func(text string) error {
		vars = append(vars, variable(text))
		return nil
	})
	if err := parse(fs, args); err != nil {
		return err
	}
	if in.Subnet == "" || fs.NArg() == 0 && in.Image == "" || in.Image == "" && len(vars) > 0 {
		return wrong(fs)
	}
	in.Argv, in.Env = fs.Args(), os.Environ()
	if in.Image != "" {
		in.Image, in.Env = absolute(in.Image), vars
	}
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

// variable completes a variable with this shell's value of it.
func variable(text string) string {
	if strings.Contains(text, "=") {
		return text
	}
	return text + "=" + os.Getenv(text)
}

// absolute makes an image's file one that the daemon finds, too.
func absolute(ref string) string {
	for _, prefix := range []string{image.LayoutPrefix, image.ArchivePrefix} {
		if name, ok := strings.CutPrefix(ref, prefix); ok {
			if full, err := filepath.Abs(name); err == nil {
				return prefix + full
			}
		}
	}
	return ref
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
