package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// result is one line of the table.
type result struct {
	what     string
	measured string
	against  string // the baseline and what it measured
	outcome  string // the ratio or difference
	target   string // "" if there is none
	met      bool
}

// atMost makes a result whose ratio must not exceed a target.
func (r result) atMost(ratio span[float64], target float64) result {
	r.outcome, r.target, r.met = times(ratio), fmt.Sprintf("≤ %.2f", target), ratio.mid <= target
	return r
}

// atLeast makes a result whose ratio must reach a target.
func (r result) atLeast(ratio span[float64], target float64) result {
	r.outcome, r.target, r.met = times(ratio), fmt.Sprintf("≥ %.2f", target), ratio.mid >= target
	return r
}

// within makes a result whose duration must not exceed a target.
func (r result) within(d span[time.Duration], target time.Duration) result {
	r.outcome, r.target, r.met = short(d.mid), "< "+short(target), d.mid < target
	if d.low != d.high {
		r.outcome += fmt.Sprintf(" (%s … %s)", short(d.low), short(d.high))
	}
	return r
}

// times prints a ratio, with its interval if that is known.
func times(ratio span[float64]) string {
	if ratio.low == ratio.high {
		return fmt.Sprintf("× %.2f", ratio.mid)
	}
	return fmt.Sprintf("× %.2f (%.2f … %.2f)", ratio.mid, ratio.low, ratio.high)
}

// machine is where the run took place.
type machine struct{ lines []string }

func describe(loads []string) machine {
	var u unix.Utsname
	_ = unix.Uname(&u)
	kernel := string(bytes.TrimRight(u.Release[:], "\x00"))
	return machine{[]string{
		fmt.Sprintf("Date: %s.", time.Now().UTC().Format("2006-01-02 15:04 MST")),
		fmt.Sprintf("Machine: %d cores (%s), Linux %s, %s.", runtime.NumCPU(), cpuModel(), kernel, runtime.Version()),
		"Load average (1 minute) before→after each part: " + strings.Join(loads, ", ") + ".",
	}}
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

func markdown(all []result, m machine) string {
	var b strings.Builder
	for _, l := range m.lines {
		fmt.Fprintln(&b, l+"  ")
	}
	fmt.Fprintln(&b, "\n| what | measured | baseline | result | target | |\n|---|---|---|---|---|---|")
	for _, r := range all {
		met := ""
		if r.target != "" {
			met = "missed"
			if r.met {
				met = "met"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.measured, r.against, r.outcome, r.target, met)
	}
	return b.String()
}

const head = `# Benchmarks

` + "```\nmake bench      # go run ./test/bench -weir bin/weir\n```" + `

Written by that command. Ratios count, not absolute figures: machines differ, and
this one may be shared. Both sides of a ratio are measured in turns in one run; a
ratio is the median over the rounds, in parentheses the interval that holds the true
median 19 times in 20. Durations are p50 / p90 / p99.

`

const tail = `
How each is measured:

- **Analyser**: ` + "`go test -bench 'Matrix|Explain' ./internal/reach`" + `. All pairs: interfaces that nothing
  in the plan tells apart are asked about once, and the groups' pairs on all cores;
  a question looks everything up by key. What limits it: with a list of groups for
  every interface, a million walks along the rules.
- **One changed rule**: a security group of 50 rules in a VPC of 3000 hosts in 10 groups;
  from the state's new revision (compiling the plan, lowering it to the kernel's terms,
  the difference to what is there) until the kernel has taken it;
  ` + "`go test -bench OneRule ./internal/dataplane/linux`" + `. What limits it: all but the last
  step go through the whole VPC, so that a plan depends on the state alone; what is
  equal is passed over by comparing. The kernel's part is one batch for the new chain
  and sets and one for the switch.
- **Attach**: a function's interface gets a namespace with a ready link, address and
  rules (a lease of a slot made before), with so many interfaces in the VPC;
  ` + "`go test -bench Lease ./internal/dataplane/linux`" + `.
- **Round trip**: one byte there and back over TCP between two hosts in different
  subnets (anti-spoofing, ACLs with lines, security groups both ways, route tables;
  10000 elements are split between rules in and out) against two
  namespaces joined by a veth. One thread drives both ends, so that no scheduler is
  measured; on a busy machine the kernel may leave packets to another thread, and all
  figures of a path are then several times as high. What limits it: a known flow's packets
  go past routers and past what translates functions' flows (package fastpath): a router
  then costs a second veth and a program. NAT gateways count what they translate, so each
  packet goes through theirs: routing, connection tracking and rules, about 2.7 µs each
  way; the hub between peered VPCs only forwards, 0.9 µs. New flows, and every packet
  where the kernel has no such programs, take that way through each router: 1.55 (VPC),
  2.4 (NAT gateway) and 2.1 (peering) times a veth when all packets do. With thousands of
  links in a namespace the kernel's lists of links get long (256 lists; policy routing
  looks a link up for every packet), so gateways' links have lists of their own;
  ` + "`go test -bench Ratio ./internal/dataplane/linux`" + `.
- **Sandbox**: from the start of an interpreter to the first byte it writes, in a
  sandbox that joins a network namespace, against the same program started bare
  (` + "`/usr/bin/python3 -c …`" + `, never a version manager's shim). What limits it: about 1.5 ms
  of the kernel's work on namespaces, mounts, control groups and the filter; from then on
  the interpreter takes as long as bare. Two waits are avoided. A process that is moved
  into a control group by ` + "`cgroup.procs`" + ` waits 10 ms until no task of the machine is being
  forked, one that is born there, or moves itself alone, does not. Who sets a loopback up
  waits for whoever on the machine makes links (45 ms were seen), who asks whether it is
  up does not; ` + "`go test -bench . ./internal/sandbox`" + `.
- **Cold start**: an invocation through HTTP, signature and policy check of a function
  that has no instance, from the request's first byte to the answer's last. Each round
  changes the functions' configuration, so every one is a new instance. *Prepared*: the
  pool keeps a generic interpreter waiting behind the function's interface (the default);
  *nothing prepared*: ` + "`weir up -prepared 0`" + `, so the interpreter is started on the way.
  What limits it then, where these were measured: of Python's 28 ms, 10 are the bare
  interpreter's, 7 what it takes to import json, 3 the rest of the bootstrap; of Node's 40,
  27 the bare one's and 5 the bootstrap.
  *Two interfaces*: a function of Function Compute with a VPC and the internet by the
  platform's own interface, called by an HTTP trigger, against one without the VPC.
- **Warm invocation**: a Python function that returns its event, invoked over HTTP by an
  IAM user with a policy (not root), signature and policy checked each time, logs
  written; against a net/http server in a process of its own that sends the body back.
  The client writes one signed request again and again on kept-open connections and is
  the same for both; it shares the machine with the servers.
`
