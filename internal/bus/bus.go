package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	startWithin = 30 * time.Second // restoring large streams takes a while

	// MaxMessage bounds one message: one resource, one chunk of a log.
	MaxMessage = 8 << 20
	// MaxTransaction bounds the messages of one atomic batch.
	MaxTransaction = 1_000_000
)

// Bus is a running server and a connection to it.
type Bus struct {
	dir    string
	lock   *os.File
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

// Start runs a server that keeps its data in dir, and waits until it answers.
func Start(dir string) (*Bus, error) {
	b := &Bus{dir: dir}
	if err := b.start(dir); err != nil {
		b.Close()
		return nil, fmt.Errorf("starting the message engine on %s: %w", dir, err)
	}
	return b, nil
}

func (b *Bus) start(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if b.lock, err = acquire(filepath.Join(dir, "lock")); err != nil {
		return err
	}
	b.server, err = server.NewServer(&server.Options{
		ServerName:        "weir",
		DontListen:        true,
		NoSigs:            true,
		JetStream:         true,
		StoreDir:          dir,
		JetStreamMaxStore: math.MaxInt64 / 2, // the disk's end is looked for before every write
		SyncAlways:        true,
		MaxPayload:        MaxMessage,
		MaxPending:        8 * MaxMessage,
		MaxControlLine:    64 << 10, // subjects carry keys, and keys may be long
		JetStreamLimits:   server.JSLimitOpts{MaxBatchSize: MaxTransaction, MaxBatchTimeout: time.Minute},
	})
	if err != nil {
		return err
	}
	b.server.SetLoggerV2(logger{}, false, false, false)
	b.server.Start()
	if !b.server.ReadyForConnections(startWithin) {
		return fmt.Errorf("not ready within %s", startWithin)
	}
	b.conn, err = nats.Connect("", nats.InProcessServer(b.server), nats.Name("weir"),
		nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		return err
	}
	b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(startWithin))
	return err
}

// acquire takes the directory's lock; the kernel drops it when the process ends.
func acquire(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another Weir uses this directory: stop it, or choose another directory")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// JetStream is the connection to the server. What is written through it needs room
// on the disk.
func (b *Bus) JetStream() Engine { return Engine{b.js, func() error { return room(b.dir, reserve) }} }

// Close stops the server; what was acknowledged is on disk.
func (b *Bus) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	if b.lock != nil {
		b.lock.Close()
	}
}

// logger passes the server's warnings and errors to slog's default logger. Its
// warnings are mostly that it rebuilds an index after a kill: information.
type logger struct{}

func (logger) Noticef(string, ...any)         {}
func (logger) Debugf(string, ...any)          {}
func (logger) Tracef(string, ...any)          {}
func (logger) Warnf(format string, a ...any)  { record(slog.LevelInfo, format, a) }
func (logger) Errorf(format string, a ...any) { record(slog.LevelError, format, a) }
func (logger) Fatalf(format string, a ...any) { record(slog.LevelError, format, a) }

func record(level slog.Level, format string, a []any) {
	slog.Log(context.Background(), level, "message engine", "said", strings.TrimSpace(fmt.Sprintf(format, a...)))
}
