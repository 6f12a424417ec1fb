package runtime

import (
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"weir/internal/sandbox"
)

//go:embed bootstrap/bootstrap.py
var bootstrapPython []byte

//go:embed bootstrap/bootstrap.cjs
var bootstrapNode []byte

// What the bootstraps load for functions of Function Compute's contract.
var (
	//go:embed bootstrap/weir_fc.py
	contractPython []byte
	//go:embed bootstrap/weir_fc.cjs
	contractNode []byte
)

// Config configures an Engine.
type Config struct {
	Dir    string // the daemon's own directory, absolute
	Certs  string // see sandbox.WriteCerts; "" is the host's certificates
	Strict bool   // refuse a runtime whose exact version is not installed
}

// Engine starts processes for functions.
type Engine struct {
	strict  bool
	extraCA bool
	roots   bool // the certificates are more than the extra ones
	host    *sandbox.Host
	images  *sandbox.Host // of functions whose code is an image

	mu    sync.Mutex // guards found
	found map[string]Interpreter
}

// New prepares what all sandboxes share and clears what a killed daemon left.
func New(cfg Config) (*Engine, error) {
	host, err := sandbox.Open(sandbox.Config{Dir: cfg.Dir, Certs: cfg.Certs, Files: map[string][]byte{
		"/var/runtime/bootstrap.py":  bootstrapPython,
		"/var/runtime/bootstrap.cjs": bootstrapNode,
		"/var/runtime/weir_fc.py":    contractPython,
		"/var/runtime/weir_fc.cjs":   contractNode,
	}})
	if err != nil {
		return nil, fmt.Errorf("prepare sandboxes: %w", err)
	}
	images, err := sandbox.Open(sandbox.Config{Dir: filepath.Join(cfg.Dir, "images"), Certs: cfg.Certs, Machines: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare sandboxes of images: %w", err), host.Close())
	}
	return &Engine{strict: cfg.Strict, extraCA: cfg.Certs != "", roots: hasRoots(cfg.Certs), host: host, images: images, found: map[string]Interpreter{}}, nil
}

// Check names what this machine does not let sandboxes enforce; empty is all well.
func (e *Engine) Check() []string { return e.host.Check() }

// Close kills every process.
func (e *Engine) Close() error { return errors.Join(e.images.Close(), e.host.Close()) }
