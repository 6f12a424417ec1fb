package codezip

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestUnpackOver: a file replaces what an archive below has there, a link too, and
// what that led to stays.
func TestUnpackOver(t *testing.T) {
	dir := t.TempDir()
	unpack := func(link bool, name, content string) {
		t.Helper()
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: name}
		h.SetMode(0o644)
		if link {
			h.SetMode(0o777 | os.ModeSymlink)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err == nil {
			err = z.Close()
		}
		if err == nil {
			err = Unpack(bytes.NewReader(b.Bytes()), int64(b.Len()), MaxUnpacked, dir)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	unpack(false, "real", "below")
	unpack(true, "name", "real")
	unpack(true, "name", "real")
	unpack(false, "name", "above")
	for name, want := range map[string]string{"real": "below", "name": "above"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
}
