package main

import (
	"context"
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

// network runs the data plane's own benchmarks, which need its insides.
func network(ctx context.Context, _ string) ([]result, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Lease|Ratio)$", "-benchtime", "300x", "./internal/dataplane/linux")
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
	var out []result
	for _, n := range []string{"10", "1000"} {
		l := lines["Lease/interfaces="+n]
		if l == nil {
			return nil, fmt.Errorf("no result for Lease/interfaces=%s in:\n%s", n, text)
		}
		p50, p99 := micro(l["lease-p50-µs"]), micro(l["lease-p99-µs"])
		out = append(out, result{what: "attach with " + n + " interfaces present", measured: "p50 " + short(p50) + ", p99 " + short(p99)}.
			within(span[time.Duration]{mid: p50}, 500*time.Microsecond))
	}
	for _, n := range []string{"6", "3000"} {
		l := lines["Ratio/interfaces="+n]
		if l == nil {
			return nil, fmt.Errorf("no result for Ratio/interfaces=%s in:\n%s", n, text)
		}
		out = append(out, result{what: "TCP round trip through security groups, ACL and route table, " + n + " interfaces", measured: "p50 " + short(micro(l["vpc-p50-µs"])),
			against: "plain veth: p50 " + short(micro(l["veth-p50-µs"]))}.atMost(span[float64]{mid: l["vpc/veth"]}, 1.6))
	}
	return out, nil
}

func micro(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
