package main

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// registrySocket is where a process outside takes connections to the registry for
// one whose network namespace leads nowhere.
const registrySocket = "registry"

// relayRegistry carries what comes to the socket in dir to the registry.
func relayRegistry(dir, registry string) (io.Closer, error) {
	to, err := url.Parse(registry)
	if err != nil {
		return nil, err
	}
	addr := to.Host
	if to.Port() == "" {
		addr = net.JoinHostPort(to.Hostname(), to.Scheme)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Join(dir, registrySocket)) // of an earlier daemon
	var l net.Listener
	err = short(dir, registrySocket, func(path string) (err error) {
		l, err = net.Listen("unix", path)
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go relay(in, addr)
		}
	}()
	return l, nil
}

// relay carries one connection.
func relay(in net.Conn, addr string) {
	defer in.Close()
	out, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}

// dialRegistry opens a connection to the registry by the socket in dir.
func dialRegistry(dir string) (conn net.Conn, err error) {
	err = short(dir, registrySocket, func(path string) error {
		conn, err = net.Dial("unix", path)
		return err
	})
	return conn, err
}
