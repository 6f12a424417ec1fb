package terraform

import (
	"archive/zip"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// page is the vendor's sample: it answers with the status of a public page.
const page = `import os, urllib.request

def lambda_handler(event, context):
    return urllib.request.urlopen(os.environ["PAGE"]).getcode()
`

// daemon is a Weir of this test's own.
type daemon struct{ url string }

func startDaemon(t *testing.T) *daemon {
	t.Helper()
	bin := os.Getenv("WEIR_BIN")
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "weir")
		if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/weir").CombinedOutput(); err != nil {
			t.Fatalf("building weir: %v\n%s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	d := &daemon{url: "http://" + addr}
	data := filepath.Join(t.TempDir(), "data")
	weir(t, bin, "up", "-d", "-listen", addr, "-data", data, "-internet", "lab")
	t.Cleanup(func() {
		weir(t, bin, "down", "-addr", d.url)
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(data, "weir.log"))
			t.Logf("the daemon's log:\n%s", log)
		}
	})
	return d
}

func weir(t *testing.T, bin string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("weir %s: %v\n%s", args[0], err, out)
	}
}

func zipped(t *testing.T, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create(name)
	must(t, err)
	_, err = w.Write([]byte(text))
	must(t, err)
	must(t, z.Close())
	return buf.Bytes()
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
