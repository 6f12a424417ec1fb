package sandbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lookVariable names the program /look, where it is built already.
const lookVariable = "WEIR_TEST_LOOK"

// buildLook builds what runs in images.
func buildLook(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "look")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", name, "./testdata/look")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// imageRoot is an image with the program /look in it and what change adds.
func imageRoot(t *testing.T, change func(root string)) string {
	t.Helper()
	root := t.TempDir()
	if built := os.Getenv(lookVariable); built != "" {
		program, err := os.ReadFile(built)
		must(t, err, os.WriteFile(filepath.Join(root, "look"), program, 0o755))
	} else {
		buildLook(t, root)
	}
	if change != nil {
		change(root)
	}
	return root
}

// looks runs /look in an image and returns its answers.
func looks(t *testing.T, h *Host, img Image, questions ...string) map[string]string {
	t.Helper()
	var mu sync.Mutex
	answers, all := map[string]string{}, ""
	s, err := h.Start(t.Context(), Spec{
		ID: "img", Hostname: "inside", Argv: append([]string{"/look"}, questions...), Image: &img, Limits: Limits{MemoryMiB: 256, Pids: 50}, TmpMiB: 16,
		Output: func(l Line) {
			mu.Lock()
			defer mu.Unlock()
			q, a, _ := strings.Cut(l.Text, ": ")
			answers[q] = a
			all += l.Text + "\n"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if exit, err := s.Wait(ctx); err != nil || exit.Code != 0 || exit.Err != nil {
		t.Fatalf("%v %v\n%s", exit, err, all)
	}
	mu.Lock()
	defer mu.Unlock()
	return answers
}

// want checks answers; one that begins with "…" only has to hold the rest.
func want(t *testing.T, got, want map[string]string) {
	t.Helper()
	for q, a := range want {
		part, partly := strings.CutPrefix(a, "…")
		if got[q] != a && !(partly && strings.Contains(got[q], part)) {
			t.Errorf("%s: %q, want %q", q, got[q], a)
		}
	}
}

// TestImage: the root is the image's, can be written, and what is written is in
// nobody else's.
func TestImage(t *testing.T) {
	h := machines(t)
	root := imageRoot(t, func(root string) {
		must(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755), os.WriteFile(filepath.Join(root, "etc/motd"), []byte("welcome"), 0o644),
			os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver 198.51.100.1"), 0o644))
		program, err := os.ReadFile(filepath.Join(root, "look"))
		must(t, err, os.WriteFile(filepath.Join(root, "asroot"), program, 0o755), os.Chmod(filepath.Join(root, "asroot"), 0o755|os.ModeSetuid))
	})
	img := Image{Root: root, Dir: "/srv/new"}
	for range 2 {
		want(t, looks(t, h, img, "who", "read /etc/motd", "read /etc/hostname", "read /etc/resolv.conf", "list /", "list /dev", "read /made", "write /made", "read /usr/bin/env", "write /dev/null"), map[string]string{
			"who": "0 0 0 /srv/new <nil>", "read /etc/motd": "welcome", "read /etc/hostname": "inside", "read /etc/resolv.conf": "options timeout:2 attempts:2",
			"list /": "asroot dev etc look proc srv sys tmp <nil>", "list /dev": "fd full null random shm stderr stdin stdout urandom zero <nil>",
			"read /made": "open /made: no such file or directory", "write /made": "<nil>", "read /usr/bin/env": "…no such file", "write /dev/null": "<nil>",
		})
	}
	if _, err := os.Stat(filepath.Join(root, "made")); err == nil {
		t.Error("the image was written to")
	}
	if machineSpan(readFile("/proc/self/uid_map")) == 1 {
		t.Skip("this process has one user ID only")
	}
	img.UID, img.GID = 33, 34
	want(t, looks(t, h, img, "who", "write /made", "write /tmp/made", "become", "run /asroot", "write /dev/stdout"), map[string]string{
		"who": "33 33 34 /srv/new <nil>", "write /made": "…permission denied", "write /tmp/made": "<nil>", "become": "operation not permitted",
		"run /asroot": "who: 33 33 34 /srv/new <nil> <nil>",
	})
}

// TestImageLeadsNowhere has an image whose names lead out of it, for whoever
// follows them while the machine is made, and whose program tries the same.
func TestImageLeadsNowhere(t *testing.T) {
	h := machines(t)
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("mine"), 0o644), os.Mkdir(filepath.Join(outside, "dir"), 0o755))
	root := imageRoot(t, func(root string) {
		in := func(name string) string { return filepath.Join(root, name) }
		for name, to := range map[string]string{
			"proc": filepath.Join(outside, "dir"), "dev": "../../../../.." + outside, "tmp": outside, "sys": "/", "srv": "../../../../../../..", "up": "..",
		} {
			must(t, os.Symlink(to, in(name)))
		}
		must(t, os.MkdirAll(in("etc/ssl"), 0o755), os.Symlink(outside, in("etc/ssl/certs")),
			os.Symlink(filepath.Join(outside, "secret"), in("etc/resolv.conf")), os.Symlink("../../../../.."+outside+"/secret", in("etc/hosts")),
			os.Symlink("/proc/1/root/"+outside+"/secret", in("etc/hostname")))
	})
	got := looks(t, h, Image{Root: root, Dir: "/srv/work"}, "who", "kind /proc", "kind /dev", "kind /tmp", "kind /sys", "kind /etc/resolv.conf", "kind /etc/hosts", "list /sys",
		"read /etc/hostname", "read "+outside+"/secret", "list /up/..", "list /proc/1/root", "read /proc/1/environ", "write /proc/sys/kernel/core_pattern",
		"chroot /tmp", "node /tmp/disk", "mount /tmp")
	want(t, got, map[string]string{
		"who": "0 0 0 /work <nil>", "kind /proc": "d---------", "kind /dev": "d---------", "kind /tmp": "d---------", "kind /sys": "d---------",
		"kind /etc/resolv.conf": "----------", "kind /etc/hosts": "----------", "list /sys": "<nil>", "read /etc/hostname": "inside",
		"read " + outside + "/secret": "…no such file", "list /up/..": "…dev etc look proc", "list /proc/1/root": "…permission denied",
		"read /proc/1/environ": "…permission denied", "write /proc/sys/kernel/core_pattern": "…read-only file system",
		"chroot /tmp": "operation not permitted", "node /tmp/disk": "operation not permitted", "mount /tmp": "operation not permitted",
	})
	if all, err := os.ReadDir(outside); err != nil || len(all) != 2 {
		t.Errorf("outside the image: %v %v", all, err)
	}
	if all, err := os.ReadDir(filepath.Join(outside, "dir")); err != nil || len(all) != 0 {
		t.Errorf("outside the image: %v %v", all, err)
	}
}

// TestImageSpec refuses what no machine can be made of.
func TestImageSpec(t *testing.T) {
	for _, img := range []Image{{Dir: "/"}, {Root: "/tmp"}, {Root: "/tmp", Dir: "relative"}, {Root: "/tmp", Dir: strings.Repeat("/x", 50)}, {Root: "/tmp", Dir: "/", UID: -1}} {
		if err := (&Spec{ID: "x", Image: &img}).check(); err == nil {
			t.Errorf("%+v is taken", img)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
