package test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// traces is what a daemon has in the kernel.
type traces struct {
	processes map[int]string // the daemon's descendants, by pid: when each began
	groups    []string       // their control groups' parents, the daemon's own
	mounts    []string       // below its data directory
}

// traces looks for what the daemon has now.
func (d *daemon) traces(t testing.TB) traces {
	t.Helper()
	pid, err := d.pid()
	if err != nil {
		t.Fatal(err)
	}
	tr := traces{processes: map[int]string{}, mounts: mountsBelow(d.data)}
	parents, began := processes()
	for p := range parents {
		for q := parents[p]; q > 1; q = parents[q] {
			if q == pid {
				tr.processes[p] = began[p]
				break
			}
		}
	}
	tr.processes[pid] = began[pid]
	for p := range tr.processes {
		cgroups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p)) // it may have gone
		for line := range strings.Lines(string(cgroups)) {
			f := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(f) == 3 && strings.Contains(f[2], "/weir/") {
				dir := filepath.Join("/sys/fs/cgroup", f[1], filepath.Dir(f[2]))
				if !slices.Contains(tr.groups, dir) {
					tr.groups = append(tr.groups, dir)
				}
			}
		}
	}
	return tr
}

// processes are all of this machine: their parents and when they began.
func processes() (parents map[int]int, began map[int]string) {
	parents, began = map[int]int{}, map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')'):]), " ")
		f := strings.Fields(rest) // from the state on: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if len(f) < 20 || f[0] == "Z" {
			continue
		}
		parents[pid], _ = strconv.Atoi(f[1])
		began[pid] = f[19]
	}
	return parents, began
}

func mountsBelow(dir string) (out []string) {
	b, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); strings.HasPrefix(f[1], dir+"/") {
			out = append(out, f[1])
		}
	}
	return out
}

// alive are the processes that still run.
func (tr traces) alive() []int {
	_, began := processes()
	var out []int
	for pid, when := range tr.processes {
		if began[pid] == when {
			out = append(out, pid)
		}
	}
	return out
}

// until waits for a condition, as the kernel clears up in its own time.
func until(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(briefly) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// TestRestart kills the daemon under traffic and starts it again.
func TestRestart(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the mounts of a rootless daemon are in a namespace of its own; needs root")
	}
	d := newDaemon(t)
	p := open(d.root(t), "restart", "10.0.0.0/16")
	p.python("f", p.role, fetchCode, at(p.private, p.group))
	const url = "http://echo.weir.test/"
	before := p.fetch(t, "f", url, 4)

	ctx, stop := context.WithCancel(t.Context())
	traffic := *p.tenant
	traffic.ctx = ctx
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := traffic.tryInvoke("f", map[string]any{"url": url}); err != nil {
					time.Sleep(briefly)
				}
			}
		})
	}
	until(t, 10*time.Second, "three instances", func() bool { return len(d.traces(t).processes) > 3 })
	old := d.traces(t)
	if len(old.groups) == 0 || len(old.mounts) == 0 {
		t.Fatalf("found nothing of the daemon: %+v", old)
	}
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Second, "its processes are gone", func() bool { return len(old.alive()) == 0 })
	stop()
	wg.Wait()

	began := time.Now()
	d.start(t)
	if after := p.fetch(t, "f", url, 4); after.source(t) != before.source(t) {
		t.Errorf("after the restart the echo site saw %+v, before %+v", after, before)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the function ran again after %v, want seconds", took)
	}
	if now := mountsBelow(d.data); len(now) > len(old.mounts) {
		t.Errorf("%d mounts, before the kill %d: %v", len(now), len(old.mounts), now)
	}

	last := d.traces(t)
	d.down(t)
	if left := append(old.alive(), last.alive()...); len(left) > 0 {
		t.Errorf("processes after down: %v", left)
	}
	if left := mountsBelow(d.data); len(left) > 0 {
		t.Errorf("mounts after down: %v", left)
	}
	for _, dir := range append(old.groups, last.groups...) {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("control group after down: %s", dir)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(d.data, "network", "*", "*")); len(left) > 0 {
		t.Errorf("names of namespaces after down: %v", left)
	}
}

// TestKillLosesNothing kills the daemon again and again while resources are made:
// whatever was acknowledged is there, and works.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	role := c.role("kill")
	vpc, _, _ := c.vpc("10.0.0.0/16")
	made := &acknowledged{ids: map[string]bool{}}
	next := 0
	for round := range 5 {
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		first := next
		next += 1000
		wg.Go(func() { made.subnets(ctx, c, vpc, first) })
		wg.Go(func() { made.functions(ctx, c, role, first) })
		time.Sleep(time.Duration(60+90*round) * time.Millisecond) // where the kill falls is by chance
		if err := d.kill(); err != nil {
			t.Fatal(err)
		}
		stop()
		wg.Wait()
		d.start(t)
		made.check(t, d.root(t))
	}
	if len(made.ids) < 20 {
		t.Errorf("only %d resources were acknowledged: nothing was tested", len(made.ids))
	}
	for _, name := range made.sorted() {
		if strings.HasPrefix(name, "f-") {
			if r := c.invoke(name, nil); r.payload != `"`+name+`"` {
				t.Errorf("%s returned %s %s", name, r.fault, r.payload)
			}
			break
		}
	}
}

// acknowledged are the resources that the API said it had made.
type acknowledged struct {
	mu  sync.Mutex // guards ids
	ids map[string]bool
}

func (a *acknowledged) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids[id] = true
}

func (a *acknowledged) sorted() []string { return slices.Sorted(maps.Keys(a.ids)) }

func (a *acknowledged) subnets(ctx context.Context, c *tenant, vpc string, n int) {
	for ; ctx.Err() == nil; n++ {
		cidr := fmt.Sprintf("10.0.%d.%d/28", n/1000*32+n%1000/16, n%16*16)
		out, err := c.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr})
		if err == nil {
			a.add(*out.Subnet.SubnetId)
		} else if code, _ := apiError(err); code != "" {
			return // the range is full
		}
	}
}

func (a *acknowledged) functions(ctx context.Context, c *tenant, role string, n int) {
	for ; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("f-%d", n)
		_, err := c.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: &name, Role: &role, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("main.handler"),
			Code: &lambdatypes.FunctionCode{ZipFile: zipped(map[string]string{"main.py": fmt.Sprintf("def handler(e, c): return %q", name)})},
		})
		if err == nil {
			a.add(name)
		}
	}
}

// check looks every resource up.
func (a *acknowledged) check(t *testing.T, c *tenant) {
	t.Helper()
	there := map[string]bool{}
	var err error
	// The SDK now and then closes a connection whose long answer it still reads
	// ("use of closed network connection"): that is no answer, so it asks again.
	for range 3 {
		if err = list(t.Context(), c, there); err == nil || !errors.Is(err, net.ErrClosed) {
			break
		}
	}
	c.check(err)
	for _, id := range a.sorted() {
		if !there[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
}

// list adds every subnet and function to there.
func list(ctx context.Context, c *tenant, there map[string]bool) error {
	subnets := ec2.NewDescribeSubnetsPaginator(c.ec2, &ec2.DescribeSubnetsInput{})
	for subnets.HasMorePages() {
		page, err := subnets.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.Subnets {
			there[*s.SubnetId] = true
		}
	}
	functions := lambda.NewListFunctionsPaginator(c.lambda, &lambda.ListFunctionsInput{})
	for functions.HasMorePages() {
		page, err := functions.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, f := range page.Functions {
			there[*f.FunctionName] = true
		}
	}
	return nil
}
