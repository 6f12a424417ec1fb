// Container is the program of the tests' image. Its first argument says what it does.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "handle":
		handle()
	case "greet": // like the hosts that the tests have without an image
		l, err := net.Listen("tcp", ":7777")
		check(err)
		fmt.Println("ready")
		for {
			c, err := l.Accept()
			check(err)
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			_, _ = fmt.Fprintf(c, "hello %s", host)
			_ = c.Close()
		}
	case "ask":
		fmt.Println(connect(os.Args[2]))
	case "cat":
		_, _ = io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, "no more")
		os.Exit(3)
	case "wait":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("ready")
		fmt.Println((<-c).String())
		os.Exit(5)
	case "tell":
		fmt.Println(strings.Join(os.Args, " "))
		dir, _ := os.Getwd()
		name, _ := os.Hostname()
		fmt.Println(os.Getuid(), os.Getgid(), dir, name)
		env := os.Environ()
		sort.Strings(env)
		fmt.Println(strings.Join(env, " "))
		for _, file := range os.Args[2:] {
			b, err := os.ReadFile(file)
			fmt.Println(file, string(b), err)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connect(addr string) string {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return "failed: " + err.Error()
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		return "failed: " + err.Error()
	}
	return string(b)
}

func fetch(url string) string {
	c := http.Client{Timeout: 2 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return "failed: " + err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// handle asks Lambda's Runtime API for events, as a custom runtime does.
func handle() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		r, err := http.Get(base + "next")
		check(err)
		var q question
		check(json.NewDecoder(r.Body).Decode(&q))
		_ = r.Body.Close()
		out := answer(&q, r.Header, false)
		out["key"], out["env"] = os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
		b, err := json.Marshal(out)
		check(err)
		done, err := http.Post(base+r.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", strings.NewReader(string(b)))
		check(err)
		_ = done.Body.Close()
	}
}

// question is what fcreach.py is asked, too.
type question struct {
	Fetch       map[string]string
	Connect     map[string][2]any
	Credentials bool
	Self        bool
	Read        []string
	Exit        bool
	Hoard       int // MiB of memory
	Fill        int // MiB of the disk
}

// serve is a server by Function Compute's contract.
func serve() {
	var begun atomic.Bool
	port := os.Getenv("FC_SERVER_PORT")
	http.HandleFunc("POST /initialize", func(http.ResponseWriter, *http.Request) { begun.Store(true); fmt.Println("begun") })
	http.HandleFunc("GET /pre-stop", func(http.ResponseWriter, *http.Request) { fmt.Println("stopping") })
	http.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /invoke", func(w http.ResponseWriter, r *http.Request) {
		var q question
		check(json.NewDecoder(r.Body).Decode(&q))
		_ = json.NewEncoder(w).Encode(answer(&q, r.Header, begun.Load()))
	})
	check(http.ListenAndServe("0.0.0.0:"+port, nil))
}

var hoard [][]byte

func answer(q *question, h http.Header, begun bool) map[string]string {
	out := map[string]string{}
	for name, url := range q.Fetch {
		out[name] = fetch(url)
	}
	for name, to := range q.Connect {
		out[name] = connect(fmt.Sprintf("%v:%v", to[0], to[1]))
	}
	if q.Credentials {
		out["id"], out["secret"], out["token"] = h.Get("x-fc-access-key-id"), h.Get("x-fc-access-key-secret"), h.Get("x-fc-security-token")
		out["env"] = os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
	}
	if q.Self {
		dir, _ := os.Getwd()
		out["args"], out["who"] = strings.Join(os.Args[1:], " "), fmt.Sprint(os.Getuid(), " ", dir)
		out["begun"], out["variable"], out["function"] = fmt.Sprint(begun), os.Getenv("COLOUR"), h.Get("x-fc-function-name")
	}
	for _, name := range q.Read {
		b, err := os.ReadFile(name)
		out[name] = string(b)
		if err != nil {
			out[name] = "failed: " + err.Error()
		}
	}
	if q.Fill > 0 {
		out["fill"] = "filled"
		f, err := os.Create("/data/fill")
		for n := 0; err == nil && n < q.Fill; n++ {
			_, err = f.Write(make([]byte, 1<<20))
		}
		if err != nil {
			out["fill"] = "failed: " + err.Error()
		}
	}
	for range q.Hoard {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		hoard = append(hoard, b)
	}
	if q.Exit {
		os.Exit(9)
	}
	return out
}
