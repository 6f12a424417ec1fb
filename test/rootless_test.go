package test

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// nobody is an unprivileged user.
const nobody = 65534

// unprivileged makes d run as nobody, with the binary and the data where nobody
// may read them. It skips where the kernel gives such a user no namespaces.
func unprivileged(t *testing.T, d *daemon) {
	t.Helper()
	if os.Geteuid() != 0 {
		return // the test itself is unprivileged
	}
	d.user = &syscall.Credential{Uid: nobody, Gid: nobody, Groups: []uint32{}}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = &syscall.SysProcAttr{Credential: d.user}
	probe.Dir = "/"
	if err := probe.Run(); err != nil {
		t.Skipf("no program can be run as user %d: %v", nobody, err)
	}
	unshare := exec.Command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "unshare", "-rmn", "true")
	if out, err := unshare.CombinedOutput(); err != nil {
		t.Skipf("unprivileged users may not make user namespaces here: %v: %s", err, out)
	}
	to := filepath.Join(d.data, "weir")
	if err := errors.Join(copyFile(d.bin, to), os.Chown(d.data, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	d.bin = to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// TestRootless runs the story as an ordinary user, in a user namespace of the daemon's own.
func TestRootless(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	unprivileged(t, d)
	d.start(t)
	pid, err := d.pid()
	if err != nil {
		t.Fatal(err)
	}
	if in, out := readLink(t, pid, "user"), readLink(t, os.Getpid(), "user"); in == out {
		t.Fatalf("the daemon runs in the machine's user namespace %s", out)
	}
	status, err := d.run(t.Context(), "status", "-addr", d.url)
	if err != nil || !strings.Contains(status, "not enforced on this machine: memory") {
		t.Errorf("status does not name what is not enforced: %v\n%s", err, status)
	}
	p := open(d.root(t), "rootless", "10.0.0.0/16")
	dual := at(p.private, p.group)
	dual.ipv6 = true
	p.python("private", p.role, fetchCode, dual)
	p.python("none", p.role, sampleCode, place{})
	p.python("public", p.role, sampleCode, at(p.public, p.group), threeSeconds)
	if got := p.fetch(t, "private", "https://echo.weir.test/", 4).source(t).String(); got != p.natAddr {
		t.Errorf("the echo site saw %s, want the NAT gateway's %s", got, p.natAddr)
	}
	if got := p.fetch(t, "private", "https://echo.weir.test/", 6).source(t); !netip.MustParsePrefix(p.v6).Contains(got) {
		t.Errorf("the echo site saw %s, want an address of %s", got, p.v6)
	}
	p.returns200("none")
	p.timesOut(t, "public", p.igw)

	// A kill and a new start, as for root.
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Second, "the port is free", func() bool { _, err := d.pid(); return err != nil })
	d.start(t)
	if got := p.fetch(t, "private", "https://echo.weir.test/", 4).source(t).String(); got != p.natAddr {
		t.Errorf("after a kill the echo site saw %s, want %s", got, p.natAddr)
	}
}

func readLink(t *testing.T, pid int, namespace string) string {
	t.Helper()
	s, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns", namespace))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRootlessImage runs images as an ordinary user: a host of a VPC and a function.
func TestRootlessImage(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t)
	ref, _ := reg.push("app:1", containerImage(t, map[string]string{"which": "first"}, nil))
	d := prepare(t)
	unprivileged(t, d)
	d.args = []string{"-registry", reg.addr}
	d.start(t)
	c := d.root(t)
	vpc, _, group := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	status, out := d.command(t, "", "attach -subnet "+subnet+" -security-group "+group+" -image "+ref+" -- tell /which /etc/shadow")
	for _, want := range []string{"\n0 0 /work ip-10-0-1-", "/which first", "/etc/shadow  open"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("exit status %d, %s; want %q", status, out, want)
		}
	}
	role := c.role("imaged")
	_, err := c.lambda.CreateFunction(c.ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("app"), PackageType: lambdatypes.PackageTypeImage,
		Code: &lambdatypes.FunctionCode{ImageUri: &ref}, Role: &role, ImageConfig: &lambdatypes.ImageConfig{Command: []string{"handle"}}})
	c.check(err)
	c.check(c.active("app"))
	if r := c.invoke("app", map[string]any{"read": []string{"/which"}}); r.fault != "" || !strings.Contains(r.payload, `"first"`) {
		t.Errorf("the function: %s %s\n%s", r.fault, r.payload, r.log)
	}
}
