package test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// containerProgram is testdata/container, built once: it needs nothing else in its image.
var containerProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "weir-container-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "app")
	cmd := exec.Command("go", "build", "-o", file, "./testdata/container")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the image's program: %w\n%s", err, out)
	}
	return os.ReadFile(file)
})

// containerImage is an image with the program /bin/app and these files: a name that
// ends in "/" is a directory, a text that begins with "-> " a link's target.
func containerImage(t testing.TB, files map[string]string, change func(*v1.Config)) v1.Image {
	t.Helper()
	program, err := containerProgram()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h *tar.Header, text string) {
		h.Size = int64(len(text))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	add(&tar.Header{Name: "bin/app", Typeflag: tar.TypeReg, Mode: 0o755}, string(program))
	add(&tar.Header{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o777, Uid: 33, Gid: 34}, "")
	for file, text := range files {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			add(&tar.Header{Name: file, Typeflag: tar.TypeSymlink, Linkname: to}, "")
		} else {
			add(&tar.Header{Name: file, Typeflag: tar.TypeReg, Mode: 0o644}, text)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{Entrypoint: []string{"app"}, Cmd: []string{"serve"}, Env: []string{"PATH=/bin", "COLOUR=red"}, WorkingDir: "/work"}
	if change != nil {
		change(&file.Config)
	}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// ociRegistry is a registry on this machine's loopback.
type ociRegistry struct {
	testing.TB
	addr string
}

func newRegistry(t testing.TB) *ociRegistry {
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return &ociRegistry{t, strings.TrimPrefix(s.URL, "http://")}
}

// push gives an image a name, and returns that with its digest.
func (r *ociRegistry) push(repository string, img v1.Image) (ref, digest string) {
	r.Helper()
	ref = r.addr + "/" + repository
	tag, err := name.NewTag(ref)
	if err == nil {
		err = remote.Write(tag, img)
	}
	if err != nil {
		r.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		r.Fatal(err)
	}
	return ref, d.String()
}

// TestAttachImage runs images as hosts of a VPC: apart from this machine, with the
// image's own files, user and directory, and their output at the caller's.
func TestAttachImage(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	back := c.group(vpc, "back", front, 7777)
	reg := newRegistry(t)
	ref, _ := reg.push("team/app:1", containerImage(t, map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"}, func(c *v1.Config) { c.User = "web" }))
	plain := containerImage(t, nil, nil)
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = p.AppendImage(plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "app.tar")
	if err := tarball.WriteToFile(archive, name.MustParseReference("app:1"), plain); err != nil {
		t.Fatal(err)
	}
	server := d.attach(t, "-image "+ref+" -subnet "+subnet+" -security-group "+back+" -ip 10.0.1.50 -name server", "greet")
	for _, w := range []struct {
		name, flags, input string
		argv               string
		status             int
		want               []string
	}{
		{"allowed by the group", "-security-group " + front + " -image oci:" + dir, "", "ask server.weir.internal:7777", 0, []string{"hello 10.0.1."}},
		{"denied to another group", "-security-group " + back + " -image docker-archive:" + archive, "", "ask 10.0.1.50:7777", 0, []string{"failed: ", "timeout"}},
		{"user, directory and variables", "-name teller -env COLOUR=blue -env SIZE=9 -image " + ref, "", "tell /etc/hosts /etc/resolv.conf " + d.data + "/token /etc/shadow", 0,
			[]string{"\n33 34 /work teller\n", "COLOUR=blue", "HOME=/srv", "PATH=/bin", "SIZE=9", " teller\n", "nameserver 10.0.0.2", "token  open " + d.data + "/token: no such file", "/etc/shadow  open /etc/shadow: no such file"}},
		{"another user", "-user 0:0 -image " + ref, "", "tell", 0, []string{"\n0 0 /work "}},
		{"input, errors and exit status", "-image " + ref, "one\ntwo", "cat", 3, []string{"one\ntwo", "no more\n"}},
		{"no such image", "-image " + reg.addr + "/team/none:1", "", "", 1, []string{"pull image " + reg.addr + "/team/none:1"}},
		{"no such program", "-image " + ref + " -env PATH=/nowhere", "", "tell", 1, []string{`the image has no such program: "app"`}},
		{"a registry that is elsewhere", "-image 198.51.100.9:5000/x:1", "", "", 1, []string{"nothing leaves this machine"}},
		{"no image", "-image oci:" + t.TempDir(), "", "", 1, []string{"is no OCI layout"}},
	} {
		t.Run(w.name, func(t *testing.T) {
			status, out := d.command(t, w.input, "attach -subnet "+subnet+" "+w.flags+" -- "+w.argv)
			for _, want := range w.want {
				if status != w.status || !strings.Contains(out, want) {
					t.Errorf("exit status %d, %q; want %d and %q", status, out, w.status, want)
				}
			}
		})
	}
	if n := c.interfaces(subnet); n != 1 {
		t.Errorf("%d interfaces while one host runs", n)
	}
	// It outlives the daemon, and its signals are its own.
	waiter := d.attach(t, "-image "+ref+" -subnet "+subnet, "wait")
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	d.start(t)
	if status, out := d.command(t, "", "attach -subnet "+subnet+" -security-group "+front+" -image "+ref+" -- ask 10.0.1.50:7777"); status != 0 || !strings.Contains(out, "hello 10.0.1.") {
		t.Errorf("after the daemon was killed: %d %s", status, out)
	}
	if err := waiter.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(waiter.out)
	_ = waiter.Wait()
	if got := waiter.ProcessState.ExitCode(); got != 5 || string(rest) != "terminated\n" {
		t.Errorf("after a signal: %d %q %s", got, rest, waiter.errs.String())
	}
	server.ends(t, syscall.SIGTERM)
	if n := c.interfaces(subnet); n != 0 {
		t.Errorf("%d interfaces after the last host ended", n)
	}
}

// TestImageLeadsNowhere: an image whose names lead out of it neither sees nor
// changes anything of this machine.
func TestImageLeadsNowhere(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 12)
	ref, _ := newRegistry(t).push("evil:1", containerImage(t, map[string]string{
		"proc": "-> " + outside, "dev": "-> " + up + outside, "tmp": "-> " + outside, "sys": "-> /", "work": "-> " + up,
		"etc/resolv.conf": "-> " + secret, "etc/hosts": "-> " + up + secret, "etc/hostname": "-> /proc/1/root" + secret, "etc/ssl": "-> " + outside, "etc/passwd": "-> " + secret,
	}, nil))
	status, out := d.command(t, "", "attach -subnet "+subnet+" -image "+ref+" -- tell /etc/hosts /etc/passwd "+secret+" /proc/1/root"+secret+" /proc/1/environ")
	for _, want := range []string{"\n0 0 / ", "127.0.0.1 localhost", "/etc/passwd  open", secret + "  open " + secret + ": no such file", "/proc/1/environ  open"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("exit status %d, %q; want %q", status, out, want)
		}
	}
	if strings.Contains(out, "mine") {
		t.Errorf("it sees a file of this machine: %s", out)
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "mine" {
		t.Errorf("a file of this machine holds %q now: %v", b, err)
	}
	if all, err := os.ReadDir(outside); err != nil || len(all) != 1 {
		t.Errorf("a directory of this machine has %v now: %v", all, err)
	}
}
