package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	benchLine  = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	benchValue = regexp.MustCompile(`([\d.e+-]+) (\S+)`)
)

// network runs the benchmarks of the data plane and of the analyser, which need their insides.
func network(ctx context.Context, _ string) ([]result, error) {
	plane, err := benchmarks(ctx, "^Benchmark(Lease|Ratio)$", "300x", "./internal/dataplane/linux")
	if err != nil {
		return nil, err
	}
	rule, err := benchmarks(ctx, "^BenchmarkOneRule$", "60x", "./internal/dataplane/linux")
	if err != nil {
		return nil, err
	}
	questions, err := benchmarks(ctx, "^Benchmark(Matrix|Explain)$", "2s", "./internal/reach")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lacks(plane, "Lease/interfaces=3000", "Ratio/small/path=vpc", "Ratio/large/path=function"),
		lacks(rule, "OneRule"), lacks(questions, "Matrix/lists=1000", "Explain/refused")); err != nil {
		return nil, err
	}
	var out []result
	for _, n := range []string{"10", "1000", "3000"} {
		l := plane["Lease/interfaces="+n]
		p50, p99 := micro(l["lease-p50-µs"]), micro(l["lease-p99-µs"])
		out = append(out, result{what: "attach with " + n + " interfaces present, p50", measured: short(p50)}.within(span[time.Duration]{mid: p50}, 300*time.Microsecond),
			result{what: "the same, p99", measured: short(p99)}.within(span[time.Duration]{mid: p99}, 3*time.Millisecond))
	}
	for _, p := range paths {
		l := plane[p.name]
		r := result{what: "TCP round trip " + p.what, measured: "p50 " + short(micro(l["vpc-p50-µs"])),
			against: "plain veth: p50 " + short(micro(l["veth-p50-µs"])), outcome: times(span[float64]{mid: l["vpc/veth"]})}
		if p.target > 0 {
			r = r.atMost(span[float64]{mid: l["vpc/veth"]}, p.target)
		}
		out = append(out, r)
	}
	ms := func(name string) time.Duration { return micro(rule["OneRule"][name+"-p50-ms"] * 1000) }
	out = append(out, result{what: "one changed rule in a VPC of 3000 interfaces, from the state to the kernel",
		measured: fmt.Sprintf("compile %s, lower %s, apply %s (of which diff %s)", short(ms("compile")), short(ms("lower")), short(ms("apply")), short(ms("diff")))}.
		within(span[time.Duration]{mid: ms("all")}, 20*time.Millisecond))
	for _, q := range asked {
		took := time.Duration(questions[q.name]["ns/op"])
		out = append(out, result{what: q.what, measured: short(took)}.within(span[time.Duration]{mid: took}, q.target))
	}
	return out, nil
}

// paths of round trips, with their targets.
var paths = []struct {
	name, what string
	target     float64 // 0 is none
}{
	{"Ratio/small/path=vpc", "through security groups, ACLs and route table, 6 interfaces", 1.6},
	{"Ratio/large/path=vpc", "the same, 3000 interfaces and 10000 rule elements", 1.6},
	{"Ratio/large/path=nat", "to the internet through NAT gateway and elastic IP, in that VPC", 2.0},
	{"Ratio/large/path=peering", "to a peered VPC, from that VPC", 1.7},
	{"Ratio/large/path=function", "from a function through its shared interface, in that VPC", 0},
	{"Ratio/large/path=bare", "through three namespaces that forward and do nothing else", 0},
}

// lacks says which results are not there.
func lacks(lines map[string]map[string]float64, names ...string) error {
	for _, n := range names {
		if lines[n] == nil {
			return fmt.Errorf("no result for %s among %d", n, len(lines))
		}
	}
	return nil
}

// asked are the analyser's benchmarks.
var asked = []struct {
	name, what string
	target     time.Duration
}{
	{"Matrix/lists=20", "analyser: all pairs of 1000 interfaces, 20 lists of security groups", time.Second},
	{"Matrix/lists=1000", "the same, every interface with its own groups", time.Second},
	{"Explain/reachable", "analyser: one question in a VPC of 10000 interfaces, reachable", time.Millisecond},
	{"Explain/refused", "the same, refused", time.Millisecond},
}

// benchmarks runs a package's benchmarks and gives their values by name and unit.
func benchmarks(ctx context.Context, names, long, pkg string) (map[string]map[string]float64, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", names, "-benchtime", long, "-timeout", "15m", pkg)
	cmd.Dir = dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	lines := map[string]map[string]float64{}
	for _, m := range benchLine.FindAllStringSubmatch(string(text), -1) {
		lines[m[1]] = map[string]float64{}
		for _, v := range benchValue.FindAllStringSubmatch(m[2], -1) {
			if lines[m[1]][v[2]], err = strconv.ParseFloat(v[1], 64); err != nil {
				return nil, fmt.Errorf("reading %q: %w", m[0], err)
			}
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("no results in:\n%s", text)
	}
	return lines, nil
}

func micro(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
