package codezip

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

type entry struct {
	name, body string
	mode       fs.FileMode
}

func archive(t *testing.T, entries ...entry) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestUnpackKeepsContentAndMakesReadable(t *testing.T) {
	dir := t.TempDir()
	z := archive(t, entry{"bootstrap", "#!/bin/sh\n", 0o755}, entry{"pkg/m.py", "x = 1\n", 0o600}, entry{"pkg/link.py", "m.py", fs.ModeSymlink | 0o777})
	if err := Unpack(z, z.Size(), MaxUnpacked, dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"bootstrap": 0o755, "pkg/m.py": 0o644} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, fi.Mode().Perm(), want)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "pkg/link.py"))
	if err != nil || string(got) != "x = 1\n" {
		t.Errorf("through the link: %q, %v", got, err)
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name    string
		entries []entry
		limit   int64
		want    error
	}{
		{"parent", []entry{{"../evil", "x", 0o644}}, 100, ErrUnsafe},
		{"parent inside", []entry{{"a/../../evil", "x", 0o644}}, 100, ErrUnsafe},
		{"absolute", []entry{{"/etc/passwd", "x", 0o644}}, 100, ErrUnsafe},
		{"backslashes", []entry{{`..\evil`, "x", 0o644}}, 100, ErrUnsafe},
		{"link out", []entry{{"l", "../..", fs.ModeSymlink | 0o777}}, 100, ErrUnsafe},
		{"absolute link", []entry{{"l", "/etc", fs.ModeSymlink | 0o777}}, 100, ErrUnsafe},
		{"device", []entry{{"d", "", fs.ModeDevice | 0o666}}, 100, ErrUnsafe},
		{"too large", []entry{{"a", "12345", 0o644}, {"b", "67890", 0o644}}, 9, ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z := archive(t, tt.entries...)
			if _, err := Check(z, z.Size(), tt.limit); !errors.Is(err, tt.want) {
				t.Errorf("Check: %v, want %v", err, tt.want)
			}
			dir := filepath.Join(t.TempDir(), "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := Unpack(z, z.Size(), tt.limit, dir); !errors.Is(err, tt.want) {
				t.Errorf("Unpack: %v, want %v", err, tt.want)
			}
			if _, err := os.Lstat(filepath.Join(dir, "../evil")); err == nil {
				t.Error("a file was written outside the directory")
			}
		})
	}
}

func TestLinkChainCannotEscape(t *testing.T) {
	// Each link alone looks harmless by name; followed together they would leave the tree.
	z := archive(t,
		entry{"a/b/up", "..", fs.ModeSymlink | 0o777},
		entry{"a/b/up/up2", "..", fs.ModeSymlink | 0o777},
		entry{"a/b/up/up2/../../evil", "x", 0o644})
	dir := filepath.Join(t.TempDir(), "x/in")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_ = Unpack(z, z.Size(), 100, dir)
	for _, out := range []string{"../evil", "../../evil"} {
		if _, err := os.Lstat(filepath.Join(dir, out)); err == nil {
			t.Errorf("%s was written", out)
		}
	}
}

func TestCheckReadsTheContent(t *testing.T) {
	good := archive(t, entry{"a", "hello hello hello hello", 0o644})
	raw := make([]byte, good.Size())
	if _, err := good.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	if n, err := Check(good, good.Size(), 100); n != 23 || err != nil {
		t.Errorf("good archive: %d, %v; want 23 bytes", n, err)
	}
	raw[35] ^= 0xff // inside the compressed data
	if _, err := Check(bytes.NewReader(raw), int64(len(raw)), 100); !errors.Is(err, ErrFormat) {
		t.Errorf("corrupt archive: %v", err)
	}
	if _, err := Check(bytes.NewReader([]byte("no zip")), 6, 100); !errors.Is(err, ErrFormat) {
		t.Errorf("no archive: %v", err)
	}
}
