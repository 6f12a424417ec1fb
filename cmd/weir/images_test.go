package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/internal/cloud"
	"weir/internal/image"
)

// TestRegistries: who may have which registry asked. Addresses that are not admitted
// are refused before a packet is sent.
func TestRegistries(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	for _, w := range []struct {
		name     string
		cfg      config
		function bool // that asks, not the owner
		url      string
		want     string
	}{
		{"the owner, this machine", config{internet: "lab"}, false, server.URL, "418"},
		{"the owner, elsewhere", config{internet: "lab"}, false, "http://198.51.100.1/", "nothing leaves this machine"},
		{"a function in the lab", config{internet: "lab"}, true, server.URL, "no registry"},
		{"a function, this machine", config{internet: "host"}, true, server.URL, "may not be asked"},
		{"a function, by name", config{internet: "host"}, true, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "may not be asked"},
		{"a function, a private network", config{internet: "host"}, true, "http://10.0.0.1/", "may not be asked"},
		{"a function, the machine's metadata", config{internet: "host"}, true, "http://169.254.169.254/", "may not be asked"},
		{"a function, this machine mapped", config{internet: "host"}, true, "http://[::ffff:127.0.0.1]/", "may not be asked"},
		{"a function, the operator's", config{internet: "lab", registry: server.URL}, true, "https://registry.example/v2/", "418"},
		{"the owner, the operator's", config{internet: "lab", registry: server.URL}, false, "https://registry.example/v2/", "418"},
	} {
		d := &daemon{cfg: &w.cfg}
		from := d.ownersImages()
		if w.function {
			from = d.functionsImages(&cloud.Image{})
		}
		if got := asked(t, from, w.url); !strings.Contains(got, w.want) {
			t.Errorf("%s: %s, want %s", w.name, got, w.want)
		}
		if from.Files == w.function {
			t.Errorf("%s: files may be named: %v", w.name, from.Files)
		}
	}
	for text, want := range map[string]string{"": "", "localhost:5000": "http://localhost:5000", "https://r.example/": "https://r.example", "ftp://r": "!", "http://r/path": "!", "http://": "!"} {
		if got, err := checkRegistry(text); got != want && !(want == "!" && err != nil) {
			t.Errorf("-registry %q: %q, %v", text, got, err)
		}
	}
}

// asked is what comes of a request to a registry.
func asked(t *testing.T, from image.From, url string) string {
	t.Helper()
	if from.Transport == nil {
		return "no registry"
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := from.Transport.RoundTrip(r)
	if err != nil {
		return err.Error()
	}
	res.Body.Close()
	return res.Status
}
