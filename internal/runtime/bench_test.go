package runtime

import (
	"os/exec"
	"strconv"
	"testing"
	"time"

	"weir/internal/sandbox"
)

const pyEcho = "def lambda_handler(event, context): return event"
const jsEcho = "exports.handler = async (event) => event;"

// languages are measured alike: the bare interpreter against ours.
var languages = []struct {
	name, runtime, handler string
	files                  map[string]string
	bare                   []string
}{
	{"python", "python3.11", pyHandler, map[string]string{"lambda_function.py": pyEcho}, []string{"/usr/bin/python3", "-I", "-c", "print(1)"}},
	{"node", "nodejs20.x", "index.handler", map[string]string{"index.js": jsEcho}, []string{"/usr/bin/node", "-e", "console.log(1)"}},
}

// BenchmarkBare is the interpreter alone, start to end, outside any sandbox.
func BenchmarkBare(b *testing.B) {
	for _, l := range languages {
		b.Run(l.name, func(b *testing.B) {
			for b.Loop() {
				if err := exec.Command(l.bare[0], l.bare[1:]...).Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCold is start to first response, nothing prepared.
func BenchmarkCold(b *testing.B) { starts(b, 0) }

// BenchmarkPrepared is first response from an interpreter that was waiting.
func BenchmarkPrepared(b *testing.B) { starts(b, 400*time.Millisecond) }

func starts(b *testing.B, waiting time.Duration) {
	e := engine(b)
	for _, l := range languages {
		dir := deploy(b, l.files)
		b.Run(l.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				first(b, e, l.runtime, dir, l.handler, l.name+strconv.Itoa(i), waiting)
			}
		})
	}
}

// first brings a function to its first response and ends it.
func first(b *testing.B, e *Engine, runtime, dir, handler, id string, waiting time.Duration) {
	p, err := e.Prepare(b.Context(), Spec{ID: id, Runtime: runtime, Log: func(sandbox.Line) {}})
	if err != nil {
		b.Fatal(err)
	}
	if waiting > 0 {
		b.StopTimer()
		time.Sleep(waiting) // an interpreter has settled by then
		b.StartTimer()
	}
	if err := p.Init(b.Context(), function(dir, handler)); err != nil {
		b.Fatal(err)
	}
	if _, err := p.Invoke(b.Context(), event("{}")); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	p.Kill()
	b.StartTimer()
}

// BenchmarkInvoke is one round trip to a running function.
func BenchmarkInvoke(b *testing.B) {
	e := engine(b)
	for _, l := range languages {
		b.Run(l.name, func(b *testing.B) { invokes(b, e, l.runtime, deploy(b, l.files), l.handler) })
	}
	b.Run("go", func(b *testing.B) { invokes(b, e, "provided.al2023", deployGo(b), "bootstrap") })
}

func invokes(b *testing.B, e *Engine, runtime, dir, handler string) {
	p := prepare(b, e, runtime, &journal{})
	if err := p.Init(b.Context(), function(dir, handler)); err != nil {
		b.Fatal(err)
	}
	ev := event(`{"Do": "answer"}`)
	for b.Loop() {
		if res, err := p.Invoke(b.Context(), ev); err != nil || res.FunctionError {
			b.Fatal(err, string(res.Payload))
		}
	}
	p.Kill()
}
