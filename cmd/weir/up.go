package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// config is everything `weir up` can be told.
type config struct {
	listen         string
	data           string
	internet       string // lab | host
	region         string
	account        string
	auth           string // verify | any
	slowStates     bool
	allSlow        bool
	strictRuntimes bool
	idle           time.Duration
	prepared       int
	endpointIdle   time.Duration
	flowDir        string
	flowInterval   time.Duration
	registry       string // URL
	logLevel       string
}

// defaultData is where state is kept: the system's place for root, the user's otherwise.
func defaultData() string {
	if os.Geteuid() == 0 && !inRootless() {
		return "/var/lib/weir"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "weir")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".weir"
	}
	return filepath.Join(home, ".local", "share", "weir")
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// check refuses settings that cannot work or are unsafe.
func (c *config) check() error {
	addr, err := netip.ParseAddrPort(c.listen)
	switch {
	case err != nil:
		return fmt.Errorf("-listen %q is no address with a port, such as %s: %w", c.listen, defaultListen, err)
	case c.internet != "lab" && c.internet != "host":
		return fmt.Errorf("-internet %q: choose lab (a private internet, nothing leaves the machine) or host (this machine's uplink)", c.internet)
	case c.auth != "verify" && c.auth != "any":
		return fmt.Errorf("-auth %q: choose verify (check signatures) or any (take every key as the account's root)", c.auth)
	case c.auth == "any" && !addr.Addr().IsLoopback():
		return fmt.Errorf("-auth any would let everyone who reaches %s act as root; listen on a loopback address or use -auth verify", c.listen)
	case c.endpointIdle < time.Second:
		return fmt.Errorf("-endpoint-idle %s: choose a second or more", c.endpointIdle)
	case c.flowInterval != 0 && c.flowInterval < time.Second:
		return fmt.Errorf("-flow-log-interval %s: choose a second or more, or 0", c.flowInterval)
	case !accountForm.MatchString(c.account):
		return fmt.Errorf("-account %q: an account is 12 digits", c.account)
	}
	if c.registry, err = checkRegistry(c.registry); err != nil {
		return err
	}
	if c.data, err = filepath.Abs(c.data); err == nil && c.flowDir != "" {
		c.flowDir, err = filepath.Abs(c.flowDir)
	}
	return err
}

func up(ctx context.Context, e env, args []string) error {
	var c config
	fs := flags(e, "up", "")
	fs.StringVar(&c.listen, "listen", defaultListen, "address of the API")
	fs.StringVar(&c.data, "data", defaultData(), "directory that keeps the state")
	fs.StringVar(&c.internet, "internet", "lab", "lab: a private internet, nothing leaves the machine; host: this machine's uplink")
	fs.StringVar(&c.region, "region", defaultRegion, "default region")
	fs.StringVar(&c.account, "account", "000000000000", "default account")
	fs.StringVar(&c.auth, "auth", "verify", "verify: check signatures; any: every key is the account's root (loopback only)")
	fs.BoolVar(&c.slowStates, "slow-states", false, "replay the vendor's transition times (a NAT gateway is pending for a minute)")
	fs.BoolVar(&c.strictRuntimes, "strict-runtimes", false, "refuse a runtime whose exact version is not installed")
	fs.BoolVar(&c.allSlow, "slow-path", false, "have routers judge every packet, also of known flows")
	fs.DurationVar(&c.idle, "idle", 10*time.Minute, "how long an idle function instance is kept")
	fs.IntVar(&c.prepared, "prepared", 16, "how many interpreters may wait for functions that will need one; 0: none")
	fs.DurationVar(&c.endpointIdle, "endpoint-idle", endpointIdle, "when a silent connection through an interface endpoint is dropped; whole seconds")
	fs.StringVar(&c.flowDir, "flow-log-dir", "", "directory that gets the lines of all flow logs, too: a file for each and day")
	fs.DurationVar(&c.flowInterval, "flow-log-interval", 0, "time that flow logs sum up, a second or more; 0: what each asks for (1 or 10 minutes)")
	fs.StringVar(&c.registry, "registry", "", "address of the OCI registry that all images come from, whatever registry their names say; functions' images come from nowhere else in the lab")
	fs.StringVar(&c.logLevel, "log", "warn", "log level: debug, info, warn, error")
	detach := fs.Bool("d", false, "run in the background")
	if err := parseOnly(fs, args); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	switch {
	case *detach:
		return background(ctx, e, &c, args)
	case !privileged():
		return rootless(ctx, e, &c)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return fmt.Errorf("-log %q: choose debug, info, warn or error", c.logLevel)
	}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	d, err := start(ctx, &c, log)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, d.ready())
	err = d.wait(ctx)
	return errors.Join(err, d.close())
}

// background starts the same command detached and waits until it is ready.
func background(ctx context.Context, e env, c *config, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	out, err := os.OpenFile(filepath.Join(c.data, "weir.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600) // a daemon that runs goes on writing to it
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer out.Close()
	began, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	inner := []string{"up"}
	for _, a := range args {
		if a != "-d" && a != "--d" {
			inner = append(inner, a)
		}
	}
	cmd := exec.Command(self, inner...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the daemon: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); ; {
		ended := false
		select {
		case <-exited:
			ended = true
		case <-deadline:
			return fmt.Errorf("the daemon was not ready within 30 s; see %s", out.Name())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		text, err := io.ReadAll(io.NewSectionReader(out, began, 1<<20))
		if err != nil {
			return fmt.Errorf("reading the daemon's log: %w", err)
		}
		if ended {
			return fmt.Errorf("the daemon did not start:\n%s", text)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, readyPrefix) && strings.HasSuffix(line, "\n") {
				fmt.Fprint(e.stdout, line)
				return nil
			}
		}
	}
}
