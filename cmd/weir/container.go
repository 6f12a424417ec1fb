package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"weir/internal/cloud"
	"weir/internal/image"
	"weir/internal/sandbox"
)

// container is an image that is a host of a VPC: its keeper runs it in a machine
// of its own, which nothing of this machine is in.
type container struct {
	image.Run
	Root      string       `json:"root"`
	Certs     string       `json:"certs"`
	Resolvers []netip.Addr `json:"resolvers"`
	Search    []string     `json:"search"`
	Hosts     []string     `json:"hosts"`
}

// Limits of a container: its disk is in memory.
const (
	containerDisk = 2048 // MiB
	containerPids = 4096
)

// pull finds the image of an attach request and what is to be run of it.
func (d *daemon) pull(ctx context.Context, in *attachRequest) (*container, error) {
	img, err := d.images.Pull(ctx, in.Image, d.ownersImages())
	if err != nil {
		return nil, err
	}
	run, err := img.Run(image.Override{Args: in.Argv, Env: in.Env, User: in.User})
	if err != nil {
		return nil, fmt.Errorf("running image %s: %w", in.Image, err)
	}
	return &container{Run: run, Root: img.Root, Certs: d.certs()}, nil
}

// place gives a container the names of the host that it is.
func (c *container) place(h *guest) {
	c.Resolvers, c.Search = h.slot.Resolvers, append(h.slot.Search, cloud.HostDomain)
	c.Hosts = []string{h.eni.Primary().String() + " " + h.hostname()}
}

// startContainer starts an image's program.
func (k *keeper) startContainer(send func(kind byte, b []byte) error) (*program, error) {
	c := k.order.Container
	host, err := sandbox.Open(sandbox.Config{Dir: k.order.Names, Certs: c.Certs, Machines: true})
	if err != nil {
		return nil, err
	}
	var std streams
	std.open()
	spec := sandbox.Spec{
		ID: filepath.Base(k.order.Names), NetNS: k.netns, Resolvers: c.Resolvers, Search: c.Search, Hostname: k.order.Host, Hosts: c.Hosts,
		Argv: c.Argv, Env: c.Env, TmpMiB: containerDisk, Limits: sandbox.Limits{Pids: containerPids},
		Image: &sandbox.Image{Root: c.Root, Dir: c.Dir, UID: c.UID, GID: c.GID},
		Input: std.far[0], Stdout: std.far[1], Stderr: std.far[2],
	}
	var box *sandbox.Sandbox
	if err = std.err; err == nil {
		box, err = host.Start(context.Background(), spec)
	}
	std.release()
	if err != nil {
		std.close()
		_ = host.Close()
		return nil, err
	}
	copied := std.copy(send)
	return &program{stdin: std.near[0], signal: box.Signal, wait: func() byte {
		exit, _ := box.Wait(context.Background())
		copied()
		_ = host.Close()
		return exitOf(exit, send)
	}}, nil
}

// exitOf is a container's exit status as a shell gives it.
func exitOf(e sandbox.Exit, send func(kind byte, b []byte) error) byte {
	switch {
	case e.Err != nil:
		_ = send(frameError, fmt.Appendf(nil, "weir: %v\n", e.Err))
		return 126
	case e.Signal != 0:
		return byte(128 + int(e.Signal))
	}
	return byte(e.Code)
}

// streams are the pipes of a program's standard input, output and error: our ends
// and the program's.
type streams struct {
	near, far [3]*os.File
	err       error
}

func (s *streams) open() {
	for n := range s.near {
		r, w, err := os.Pipe()
		if err != nil {
			s.err = err
			return
		}
		if s.near[n], s.far[n] = r, w; n == 0 {
			s.near[n], s.far[n] = w, r
		}
	}
}

func (s *streams) release() { closeAll(s.far[:]) }

func (s *streams) close() { closeAll(s.near[:]) }

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// copy carries what the program prints; the result waits for all of it.
func (s *streams) copy(send func(kind byte, b []byte) error) (wait func()) {
	var both sync.WaitGroup
	for n, kind := range map[int]byte{1: frameOutput, 2: frameError} {
		both.Go(func() {
			_, _ = io.Copy(frameWriter{kind, send}, s.near[n])
			_ = s.near[n].Close()
		})
	}
	return both.Wait
}

// program is what a keeper runs.
type program struct {
	stdin  io.WriteCloser
	signal func(syscall.Signal)
	wait   func() (status byte)
}
