package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
)

// maxBody is how much of a request's body a site reads before it answers.
const maxBody = 8 << 20

const catchAllBody = `This is Weir's lab internet, not the real %s.

Every public name resolves to this page, and nothing leaves the machine.
  - To reach the real internet, start Weir with:  --internet host
  - To put your own answer at this name, add a site:  weir site add %[1]s
  - To see which source address the internet sees:  https://echo.weir.test/
`

// catchAll stands for every public web site.
func catchAll(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Weir-Lab", "catch-all")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Weir's lab internet answers GET, HEAD and POST only.", http.StatusMethodNotAllowed)
		return
	}
	io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
	fmt.Fprintf(w, catchAllBody, r.Host)
}

// seen is what the echo site tells its caller.
type seen struct {
	Source  string      `json:"source"` // the caller's address as this internet sees it
	Port    int         `json:"port"`
	Host    string      `json:"host"`
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Headers http.Header `json:"headers"`
	TLS     bool        `json:"tls"`
}

func echo(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		http.Error(w, "the caller's address is unknown", http.StatusInternalServerError)
		return
	}
	io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(seen{
		Source:  from.Addr().Unmap().String(),
		Port:    int(from.Port()),
		Host:    r.Host,
		Method:  r.Method,
		Path:    r.URL.RequestURI(),
		Headers: r.Header,
		TLS:     r.TLS != nil,
	})
}
