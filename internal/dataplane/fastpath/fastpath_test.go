package fastpath

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// TestObject tells an object that was not built anew after its source was changed.
func TestObject(t *testing.T) {
	source, err := os.ReadFile("bpf/fastpath.bpf.c")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("bpf/fastpath.sum")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(source)); got != strings.Fields(string(sum))[0] {
		t.Error("the source was changed: go generate ./internal/dataplane/fastpath (needs clang, llvm and libbpf-dev)")
	}
}

// TestChange looks at what the programs see while changes overlap.
func TestChange(t *testing.T) {
	p, err := Open()
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, ebpf.ErrNotSupported):
		t.Skipf("this kernel has no fast path, or does not permit it: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	defer p.Close()
	sees := func() (g uint32) {
		t.Helper()
		if err := p.objects.Generation.Lookup(uint32(0), &g); err != nil {
			t.Fatal(err)
		}
		return g
	}
	first := sees()
	if first == 0 {
		t.Fatal("closed at first")
	}
	one, two := p.Change(), p.Change()
	if sees() != 0 {
		t.Error("open while two things are changed")
	}
	one()
	one()
	if sees() != 0 {
		t.Error("open while one thing is changed")
	}
	two()
	if g := sees(); g == 0 || g == first {
		t.Errorf("generation %d after changes, was %d", g, first)
	}
	p.generation = ^uint32(0)
	p.Change()()
	if sees() == 0 {
		t.Error("closed once all generations have been")
	}
}
