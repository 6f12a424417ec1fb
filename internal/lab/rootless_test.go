package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRootless runs the lab's tests again as a user without privileges, root
// only in a user namespace of its own.
func TestRootless(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("WEIR_TEST_ROOTLESS") != "" {
		t.Skip("this test starts as root, to become somebody else")
	}
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	dir, err := os.MkdirTemp("", "weir-lab")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755)) // that user must find the program
	bin := filepath.Join(dir, "lab.test")
	must(t, os.WriteFile(bin, self, 0o755))
	must(t, os.Chmod(bin, 0o755))
	cmd := exec.Command(bin, "-test.v", "-test.run", "^(TestInternet|TestBetweenCustomers|TestPing|TestSites)$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "WEIR_TEST_ROOTLESS=1", "TMPDIR=/tmp", "HOME=/")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 65534, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 65534, Size: 1}},
		Credential:  &syscall.Credential{Uid: 0, Gid: 0},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Errorf("a test was skipped:\n%s", out)
	}
	t.Logf("%s", out)
}
