package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake makes a control group "x" of plain files.
func fake(t *testing.T, unified bool, files map[string]string) (*group, func(string) string) {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "x")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := &cgroups{unified: unified, base: map[string]string{}}
	for _, ctl := range controllers {
		c.base[ctl] = base
	}
	return &group{c: c, id: "x", dirs: c.dirs("x")}, func(name string) string { return readFile(filepath.Join(dir, name)) }
}

// The files and formats are those of the kernel's cgroup-v2 and cgroup-v1 documents.
func TestGroupFiles(t *testing.T) {
	for name, c := range map[string]struct {
		unified bool
		have    map[string]string
		want    map[string]string
		peak    int64
	}{
		"v2": {true, map[string]string{"memory.max": "", "memory.swap.max": "", "cpu.max": "", "pids.max": "",
			"memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", "memory.peak": "4096\n"},
			map[string]string{"memory.max": "134217728", "memory.swap.max": "0", "cpu.max": "50000", "pids.max": "101"}, 4096},
		"v2 without swap": {true, map[string]string{"memory.max": "", "cpu.max": "", "pids.max": "", "memory.events": "oom_kill 2\n"},
			map[string]string{"memory.max": "134217728"}, 0},
		"v1": {false, map[string]string{"memory.limit_in_bytes": "", "memory.memsw.limit_in_bytes": "", "cpu.cfs_quota_us": "", "pids.max": "",
			"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "memory.max_usage_in_bytes": "8192\n"},
			map[string]string{"memory.limit_in_bytes": "134217728", "memory.memsw.limit_in_bytes": "134217728", "cpu.cfs_quota_us": "50000", "pids.max": "101"}, 8192},
	} {
		t.Run(name, func(t *testing.T) {
			g, read := fake(t, c.unified, c.have)
			if err := g.limit(Limits{MemoryMiB: 128, CPU: 0.5, Pids: 100}); err != nil {
				t.Fatal(err)
			}
			for file, want := range c.want {
				if got := read(file); got != want {
					t.Errorf("%s = %q, want %q", file, got, want)
				}
			}
			if n := g.oomKills(); n != 2 {
				t.Errorf("%d kills, want 2", n)
			}
			if n := g.peak(); n != c.peak {
				t.Errorf("peak %d, want %d", n, c.peak)
			}
		})
	}
}

func TestLimitThatCannotBeSet(t *testing.T) {
	g, _ := fake(t, true, map[string]string{"memory.max": "", "cpu.max": ""})
	if err := g.limit(Limits{Pids: 5}); err == nil || !strings.Contains(err.Error(), "limit sandbox x: set pids.max to 6") {
		t.Errorf("error = %v", err)
	}
}

func TestUpperHalf(t *testing.T) {
	for name, c := range map[string]struct {
		idMap        string
		first, count uint32
	}{
		"whole machine":   {"         0          0 4294967295\n", 2147483647, 2147483647},
		"container":       {"0 100000 65536\n", 32768, 32768},
		"one ID":          {"0 1000 1\n", 0, 1},
		"one and a range": {"0 1000 1\n1 100000 65536\n", 32769, 32768},
		"nothing":         {"", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if first, count := upperHalf(c.idMap); first != c.first || count != c.count {
				t.Errorf("%d, %d; want %d, %d", first, count, c.first, c.count)
			}
		})
	}
}
