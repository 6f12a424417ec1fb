package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is one of a layer: a file with this text, a directory if the name ends
// in "/", a link ("->" symbolic, "=>" hard).
type entry struct{ name, text string }

func layerOf(t *testing.T, entries ...entry) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(e.text)), Uid: os.Geteuid(), Gid: os.Getegid()}
		switch kind, to, _ := strings.Cut(e.text, " "); {
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag, h.Size = tar.TypeDir, 0
		case kind == "->":
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, to, 0
		case kind == "=>":
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, to, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func imageOf(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", runtime.GOARCH
	c.Config = v1.Config{Entrypoint: []string{"serve"}, Cmd: []string{"-v"}, Env: []string{"PATH=/app", "A=b"}, WorkingDir: "/app", User: "web"}
	if img, err = mutate.ConfigFile(img, c); err != nil {
		t.Fatal(err)
	}
	return img
}

// ociDir writes an image as an OCI layout.
func ociDir(t *testing.T, img v1.Image) string {
	t.Helper()
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = p.AppendImage(img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir
}

func store(t *testing.T, opt Options) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files lets images come from files.
var files = From{Files: true}

func pull(t *testing.T, s *Store, ref string) *Image {
	t.Helper()
	img, err := s.Pull(t.Context(), ref, files)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// read is a file of the image; "" if there is none.
func read(img *Image, name string) string {
	b, _ := os.ReadFile(filepath.Join(img.Root, name))
	return string(b)
}

func TestSources(t *testing.T) {
	img := imageOf(t, layerOf(t, entry{"app/", ""}, entry{"app/serve", "v1"}, entry{"etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"}))
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/web:1"
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "web.tar")
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		t.Fatal(err)
	}
	s := store(t, Options{})
	roots := map[string]bool{}
	for _, ref := range []string{ref, "docker-archive:" + file, ociDir(t, img)} {
		got, err := s.Pull(t.Context(), ref, From{Files: true, Transport: server.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := img.Digest(); got.Manifest != want.String() && !strings.HasPrefix(ref, ArchivePrefix) {
			t.Errorf("%s: its manifest is %s, not %s", ref, got.Manifest, want)
		}
		roots[got.Root] = true
		if text := read(got, "app/serve"); text != "v1" {
			t.Errorf("%s: app/serve holds %q", ref, text)
		}
		if argv := got.Config.Argv(nil); strings.Join(argv, " ") != "serve -v" {
			t.Errorf("%s: it runs %q", ref, argv)
		}
		if p, err := got.LookPath("serve", "/", Path(got.Config.Env)); p != "/app/serve" || err != nil {
			t.Errorf("%s: serve is at %q, %v", ref, p, err)
		}
		if id, err := got.Identity(); (id != Identity{33, 34, "/srv"}) || err != nil {
			t.Errorf("%s: the user is %v, %v", ref, id, err)
		}
	}
	if len(roots) != 1 {
		t.Errorf("one image has several roots: %v", roots)
	}
	if _, err := store(t, Options{}).Pull(t.Context(), ref, files); err == nil || !strings.Contains(err.Error(), "no registry may be asked") {
		t.Errorf("a registry without a transport: %v", err)
	}
	if _, err := s.Pull(t.Context(), ref+"0", From{Transport: server.Client().Transport}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a tag that is not there: %v", err)
	}
	for _, ref := range []string{"docker-archive:" + file, ociDir(t, img), "tar:" + file} {
		if _, err := s.Pull(t.Context(), ref, From{Transport: server.Client().Transport}); !errors.Is(err, ErrReference) {
			t.Errorf("%s, where files may not be named: %v", ref, err)
		}
	}
}

// TestLayers: whiteouts and links, as the image specification has them.
func TestLayers(t *testing.T) {
	img := imageOf(t,
		layerOf(t, entry{"usr/lib/", ""}, entry{"lib", "-> /usr/lib"}, entry{"usr/lib/old", "old"}, entry{"data/a", "a"}, entry{"data/sub/b", "b"}, entry{"keep/x", "x"}, entry{"hard", "=> usr/lib/old"}),
		layerOf(t, entry{"lib/new", "new"}, entry{"usr/lib/.wh.old", ""}, entry{"data/c", "c"}, entry{"data/.wh..wh..opq", ""}, entry{"keep/x", "-> ../etc/hostname"}),
		layerOf(t, entry{"keep/", ""}, entry{"keep/y", "y"}, entry{"data/sub", "a file now"}),
	)
	got := pull(t, store(t, Options{}), ociDir(t, img))
	for name, want := range map[string]string{
		"usr/lib/new": "new", "usr/lib/old": "", "hard": "old", "data/a": "", "data/sub/b": "", "data/c": "c", "data/sub": "a file now", "keep/y": "y",
	} {
		if text := read(got, name); text != want {
			t.Errorf("%s holds %q, want %q", name, text, want)
		}
	}
	if to, err := os.Readlink(filepath.Join(got.Root, "keep/x")); to != "../etc/hostname" {
		t.Errorf("keep/x leads to %q, %v", to, err)
	}
}

// TestNothingLeaves: whatever a layer tries, what is outside its root stays as it is.
func TestNothingLeaves(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, layers := range map[string][]v1.Layer{
		"dots":            {layerOf(t, entry{"../../escaped", "x"})},
		"dots inside":     {layerOf(t, entry{"a/../../escaped", "x"})},
		"absolute name":   {layerOf(t, entry{outside + "/escaped", "x"})},
		"symbolic link":   {layerOf(t, entry{"out", "-> " + outside}, entry{"out/escaped", "x"}, entry{"out/secret", "x"})},
		"link of dots":    {layerOf(t, entry{"out", "-> ../../../../../../../.." + outside}, entry{"out/secret", "x"})},
		"link over layer": {layerOf(t, entry{"out", "-> " + outside}), layerOf(t, entry{"out/.wh.secret", ""})},
		"opaque link":     {layerOf(t, entry{"out", "-> " + outside}), layerOf(t, entry{"out/.wh..wh..opq", ""})},
		"hard link":       {layerOf(t, entry{"in", "=> " + secret}, entry{"in", "x"})},
		"hard link, dots": {layerOf(t, entry{"in", "=> ../../../../../../.." + secret})},
		"linked whiteout": {layerOf(t, entry{".wh...", ""})},
		"endless links":   {layerOf(t, entry{"a", "-> b"}, entry{"b", "-> a"}, entry{"a/c", "x"})},
		"directory link":  {layerOf(t, entry{"out", "-> " + outside}, entry{"out/", ""})},
	} {
		t.Run(what, func(t *testing.T) {
			s := store(t, Options{})
			img, err := s.Pull(t.Context(), ociDir(t, imageOf(t, layers...)), files)
			files, _ := os.ReadDir(outside)
			if b, _ := os.ReadFile(secret); len(files) != 1 || string(b) != "mine" {
				t.Errorf("outside the root: %v, the secret holds %q", files, b)
			}
			if info, _ := os.Stat(secret); info.Mode() != 0o600 {
				t.Errorf("the secret's mode is %v", info.Mode())
			}
			if above, _ := filepath.Glob(filepath.Join(s.dir, "*escaped*")); len(above) > 0 {
				t.Errorf("in the store: %v", above)
			}
			if err != nil && img != nil {
				t.Errorf("an image with an error: %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(s.dir, partial+"*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	big := imageOf(t, layerOf(t, entry{"a", strings.Repeat("x", 1000)}, entry{"b", "y"}))
	if _, err := store(t, Options{MaxBytes: 1000}).Pull(t.Context(), ociDir(t, big), files); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := store(t, Options{MaxFiles: 1}).Pull(t.Context(), ociDir(t, big), files); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many files: %v", err)
	}
	// A layout whose layer was exchanged: names are digests, contents need not be.
	ref, other := ociDir(t, big), layerOf(t, entry{"a", "evil"})
	layers, _ := big.Layers()
	d, _ := layers[0].Digest()
	r, _ := other.Compressed()
	raw, _ := io.ReadAll(r)
	file := filepath.Join(strings.TrimPrefix(ref, "oci:"), "blobs", d.Algorithm, d.Hex)
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store(t, Options{}).Pull(t.Context(), ref, files); !errors.Is(err, ErrDigest) {
		t.Errorf("an exchanged layer: %v", err)
	}
	arm := imageOf(t)
	c, _ := arm.ConfigFile()
	c = c.DeepCopy()
	c.Architecture = "sparc"
	arm, _ = mutate.ConfigFile(arm, c)
	if _, err := store(t, Options{}).Pull(t.Context(), ociDir(t, arm), files); err == nil || !strings.Contains(err.Error(), "this machine is linux/"+runtime.GOARCH) {
		t.Errorf("another architecture: %v", err)
	}
	for _, ref := range []string{"oci:/nowhere", "docker-archive:/nowhere", "docker-archive:" + file, "UPPER CASE", ""} {
		if _, err := store(t, Options{}).Pull(t.Context(), ref, files); err == nil {
			t.Errorf("%q was pulled", ref)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store(t, Options{}).Pull(ctx, ociDir(t, big), files); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled pull: %v", err)
	}
}

// TestAtOnce: many pulls of one image unpack it once, and one that a killed
// process left half-done is cleared.
func TestAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, partial+"1", rootDir), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ref := ociDir(t, imageOf(t, layerOf(t, entry{"a", "b"})))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if img, err := s.Pull(t.Context(), ref, files); err != nil || read(img, "a") != "b" {
				t.Errorf("pull: %v", err)
			}
		})
	}
	wg.Wait()
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("the store holds %v", all)
	}
}

// TestRun: what takes the place of what, as in docker run.
func TestRun(t *testing.T) {
	img := pull(t, store(t, Options{}), ociDir(t, imageOf(t, layerOf(t, entry{"app/serve", "x"}, entry{"bin/other", "x"}, entry{"etc/passwd", "web:x:33:34::/srv:/bin/sh\n"}))))
	for _, w := range []struct {
		name string
		over Override
		want string
	}{
		{"as it is", Override{}, "[/app/serve -v] [PATH=/app HOME=/srv A=b] /app 33 34"},
		{"arguments", Override{Args: []string{"-q", "x"}}, "[/app/serve -q x] [PATH=/app HOME=/srv A=b] /app 33 34"},
		{"entrypoint", Override{Entrypoint: []string{"/bin/other"}}, "[/bin/other] [PATH=/app HOME=/srv A=b] /app 33 34"},
		{"both", Override{Entrypoint: []string{"/bin/other", "a"}, Args: []string{"b"}}, "[/bin/other a b] [PATH=/app HOME=/srv A=b] /app 33 34"},
		{"variables", Override{Env: []string{"A=c", "PATH=/bin:/app", "B=", "nothing"}}, "[/app/serve -v] [PATH=/bin:/app HOME=/srv A=c B=] /app 33 34"},
		{"user and directory", Override{User: "7:8", Dir: "/x/../y"}, "[/app/serve -v] [PATH=/app HOME=/ A=b] /y 7 8"},
		{"no such user", Override{User: "nobody"}, `the image has no user "nobody"`},
		{"no such program", Override{Entrypoint: []string{"none"}}, `the image has no such program: "none"`},
	} {
		r, err := img.Run(w.over)
		got := fmt.Sprint(r.Argv, " ", r.Env, " ", r.Dir, " ", r.UID, " ", r.GID)
		if err != nil {
			got = err.Error()
		}
		if got != w.want {
			t.Errorf("%s: %s, want %s", w.name, got, w.want)
		}
	}
}

// TestPassword: a registry that wants a user and a password.
func TestPassword(t *testing.T) {
	img := imageOf(t, layerOf(t, entry{"a", "b"}))
	open := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.Method == http.MethodGet && (user != "me" || password != "secret") {
			w.Header().Set("Www-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	}))
	defer server.Close()
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/web:1")
	if err != nil {
		t.Fatal(err)
	}
	who := &authn.Basic{Username: "me", Password: "secret"}
	if err := remote.Write(tag, img, remote.WithAuth(who)); err != nil {
		t.Fatal(err)
	}
	for password, good := range map[string]bool{"secret": true, "wrong": false} {
		_, err := store(t, Options{}).Pull(t.Context(), tag.String(), From{Transport: server.Client().Transport, User: "me", Password: password})
		if (err == nil) != good {
			t.Errorf("with the password %s: %v", password, err)
		}
	}
}

// TestLayoutTags: a layout of several images is asked for one by its tag.
func TestLayoutTags(t *testing.T) {
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	for _, tag := range []string{"one", "two"} {
		if err == nil {
			err = p.AppendImage(imageOf(t, layerOf(t, entry{"which", tag})), layout.WithAnnotations(map[string]string{tagAnnotation: tag}))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s := store(t, Options{})
	if got := read(pull(t, s, "oci:"+dir+":two"), "which"); got != "two" {
		t.Errorf("the tag two is the image %q", got)
	}
	for ref, want := range map[string]string{"oci:" + dir: "holds 2 images", "oci:" + dir + ":three": "holds no image three", "oci:" + dir + "x:one": "is no OCI layout"} {
		if _, err := s.Pull(t.Context(), ref, files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
}
