package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// group makes a security group that lets in TCP to a port from another group; "" lets nothing in.
func (c *tenant) group(vpc, name, from string, port int32) string {
	c.t.Helper()
	g, err := c.ec2.CreateSecurityGroup(c.ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &vpc})
	c.check(err)
	if from != "" {
		_, err = c.ec2.AuthorizeSecurityGroupIngress(c.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: g.GroupId, IpPermissions: []ec2types.IpPermission{
			{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &from}}}}})
		c.check(err)
	}
	return *g.GroupId
}

// attached is a `weir attach` that runs.
type attached struct {
	*exec.Cmd
	out  *bufio.Reader
	errs bytes.Buffer
}

// attach starts a program as a host of a VPC and waits for its first line.
func (d *daemon) attach(t *testing.T, flags string, argv ...string) *attached {
	t.Helper()
	a, _ := d.attachWithInput(t, flags, argv...)
	return a
}

// attachWithInput is attach for a program that reads.
func (d *daemon) attachWithInput(t *testing.T, flags string, argv ...string) (*attached, io.WriteCloser) {
	t.Helper()
	a := &attached{Cmd: exec.CommandContext(t.Context(), d.bin, append(append([]string{"attach"}, strings.Fields(flags)...), append([]string{"--"}, argv...)...)...)}
	a.Env = append(os.Environ(), "WEIR_ADDR="+d.url)
	out, err := a.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := a.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.out, a.Stderr = bufio.NewReader(out), &a.errs
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := a.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("weir attach %s said %q: %v\n%s", flags, line, err, a.errs.String())
	}
	return a, in
}

// interfaces counts the network interfaces in a subnet.
func (c *tenant) interfaces(subnet string) int {
	c.t.Helper()
	out, err := c.ec2.DescribeNetworkInterfaces(c.ctx, &ec2.DescribeNetworkInterfacesInput{Filters: in("subnet-id", subnet)})
	c.check(err)
	return len(out.NetworkInterfaces)
}

// serve answers every connection with its sender's address.
const serve = `
import socket
s = socket.create_server(("", 7777))
print("ready", flush=True)
while True:
    c, peer = s.accept()
    c.sendall(b"hello " + peer[0].encode())
    c.close()`

// ask connects to HOST and prints what it says.
const ask = `
import socket, sys
try: print(socket.create_connection((sys.argv[1], 7777), 2).makefile().read())
except OSError as e: print("failed:", e); sys.exit(7)`

// TestAttach runs programs of the machine as hosts of a VPC.
func TestAttach(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	back := c.group(vpc, "back", front, 7777)
	server := d.attach(t, "-subnet "+subnet+" -security-group "+back+" -ip 10.0.1.50 -name server", "/usr/bin/python3", "-c", serve)
	run := func(group, input string, argv ...string) (int, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, d.bin, append([]string{"attach", "-subnet", subnet, "-security-group", group, "--"}, argv...)...)
		cmd.Env, cmd.Stdin = append(os.Environ(), "WEIR_ADDR="+d.url), strings.NewReader(input)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out) + strings.Join(strings.SplitAfter(errs.String(), "\n")[1:], "") // without the line about the interface
	}
	for _, w := range []struct {
		name, group string
		input       string
		argv        []string
		status      int
		want        string
	}{
		{"allowed by the group", front, "", []string{"/usr/bin/python3", "-c", ask, "10.0.1.50"}, 0, "hello 10.0.1."},
		{"denied to another group", back, "", []string{"/usr/bin/python3", "-c", ask, "10.0.1.50"}, 7, "failed: timed out"},
		{"by its name", front, "", []string{"/usr/bin/python3", "-c", ask, "server.weir.internal"}, 0, "hello 10.0.1."},
		{"by its short name", front, "", []string{"/usr/bin/python3", "-c", ask, "server"}, 0, "hello 10.0.1."},
		{"by its address's name", front, "", []string{"/usr/bin/python3", "-c", ask, "ip-10-0-1-50.ec2.internal"}, 0, "hello 10.0.1."},
		{"exit status", front, "", []string{"sh", "-c", "exit 42"}, 42, ""},
		{"killed", front, "", []string{"sh", "-c", "kill -9 $$"}, 128 + 9, ""},
		{"input", front, "one\ntwo\n", []string{"tr", "a-z", "A-Z"}, 0, "ONE\nTWO\n"},
		{"errors", front, "", []string{"sh", "-c", "echo wrong >&2"}, 0, "wrong\n"},
		{"no such program", front, "", []string{"/no/such/program"}, 127, "no such file"},
		{"hostname", front, "", []string{"hostname"}, 0, "ip-10-0-1-"},
	} {
		t.Run(w.name, func(t *testing.T) {
			status, out := run(w.group, w.input, w.argv...)
			if status != w.status || !strings.Contains(out, w.want) {
				t.Errorf("exit status %d, %q; want %d and %q", status, out, w.status, w.want)
			}
		})
	}
	for name, want := range map[string]string{"server": `a host called "server" is in VPC`, "SERVER": `a host called "SERVER" is in VPC`, "é": "cannot be called", "a.b": "cannot be called", "-x": "cannot be called"} {
		d.says(t, "", "attach -subnet "+subnet+" -name "+name+" -- true", 1, want)
	}
	if n := c.interfaces(subnet); n != 1 {
		t.Errorf("%d interfaces while one host runs", n)
	}
	server.ends(t, syscall.SIGTERM)
	if n := c.interfaces(subnet); n != 0 {
		t.Errorf("%d interfaces after the last host ended", n)
	}
	d.attachAndDie(t, c, subnet)
}

// ends sends a signal and expects that the program ends by it.
func (a *attached) ends(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := a.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, a.out)
	_ = a.Wait()
	if got := a.ProcessState.ExitCode(); got != 128+int(sig) {
		t.Errorf("exit status %d after signal %d, want %d\n%s", got, sig, 128+int(sig), a.errs.String())
	}
}

// attachAndDie kills the daemon under a host whose caller then goes: it ends, and
// the next daemon has no interface of it.
func (d *daemon) attachAndDie(t *testing.T, c *tenant, subnet string) {
	a := d.attach(t, "-subnet "+subnet, "sh", "-c", "echo ready; exec sleep 1000")
	if n := c.interfaces(subnet); n != 1 {
		t.Fatalf("%d interfaces", n)
	}
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	a.ends(t, syscall.SIGTERM)
	d.start(t)
	if n := c.interfaces(subnet); n != 0 {
		t.Errorf("%d interfaces are left of a host that ended without a daemon", n)
	}
}

// instance runs one with a script as user data and waits until it has ended.
func (d *daemon) instance(c *tenant, subnet, group, script string, change ...func(*ec2.RunInstancesInput)) ec2types.Instance {
	c.t.Helper()
	req := &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0a1b2c3d4e5f60718"), InstanceType: ec2types.InstanceTypeT3Small, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &subnet, SecurityGroupIds: []string{group}, UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(script))),
	}
	for _, f := range change {
		f(req)
	}
	out, err := c.ec2.RunInstances(c.ctx, req)
	c.check(err)
	i := out.Instances[0]
	d.printed(c, *i.InstanceId, "the user data ended with exit status 0", 1)
	return i
}

// printed waits until an instance's console has a text so many times.
func (d *daemon) printed(c *tenant, id, want string, times int) {
	c.t.Helper()
	until(c.t, 60*time.Second, fmt.Sprintf("%q in the console of %s, %d times", want, id, times), func() bool {
		return strings.Count(c.console(id), want) >= times
	})
}

func (c *tenant) console(id string) string {
	c.t.Helper()
	out, err := c.ec2.GetConsoleOutput(c.ctx, &ec2.GetConsoleOutputInput{InstanceId: &id})
	c.check(err)
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	c.check(err)
	return string(text)
}

func (c *tenant) state(id string) ec2types.InstanceStateName {
	c.t.Helper()
	out, err := c.ec2.DescribeInstances(c.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	c.check(err)
	return out.Reservations[0].Instances[0].State.Name
}

// TestInstance runs a server as an instance, through its whole life.
func TestInstance(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	front := c.group(vpc, "front", "", 0)
	back := c.group(vpc, "back", front, 7777)
	script := "#!/bin/sh\necho started >/root/mark; cat /root/mark\n/usr/bin/python3 -c '" + serve + "' &\n"
	i := d.instance(c, subnet, back, script)
	id := *i.InstanceId
	reached := func() bool {
		status, _ := d.command(t, "", "attach -subnet "+subnet+" -security-group "+front+" -- "+d.script(t, ask)+" "+*i.PrivateIpAddress)
		return status == 0
	}
	wait := func(state ec2types.InstanceStateName) {
		t.Helper()
		until(t, 30*time.Second, "the instance is "+string(state), func() bool { return c.state(id) == state })
	}
	wait("running")
	until(t, 20*time.Second, "the instance answers", reached)
	if status, out := d.command(t, "", "attach -subnet "+subnet+" -security-group "+back+" -- "+d.script(t, ask)+" "+*i.PrivateIpAddress); status != 7 {
		t.Errorf("a host outside the allowed group reaches the instance: %s", out)
	}
	d.says(t, "", "why "+id+" 198.51.100.7:443", 3, `(?m)^not reachable: `)
	d.says(t, "", "instance log "+id, 0, `started\n(.|\n)*ready\n`)
	if _, err := os.Stat("/root/mark"); err == nil {
		t.Error("the instance wrote to the machine")
	}

	_, err := c.ec2.RebootInstances(c.ctx, &ec2.RebootInstancesInput{InstanceIds: []string{id}})
	c.check(err)
	d.printed(c, id, "ready\n", 2)
	if err := d.kill(); err != nil {
		t.Fatal(err)
	}
	d.start(t)
	until(t, 20*time.Second, "the instance answers after a restart of the daemon", reached)

	_, err = c.ec2.StopInstances(c.ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}})
	c.check(err)
	wait("stopped")
	if reached() {
		t.Error("a stopped instance answers")
	}
	_, err = c.ec2.StartInstances(c.ctx, &ec2.StartInstancesInput{InstanceIds: []string{id}})
	c.check(err)
	until(t, 20*time.Second, "the instance answers after a stop", reached)
	_, err = c.ec2.TerminateInstances(c.ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	c.check(err)
	wait("terminated")
	if n := c.interfaces(subnet); n != 0 {
		t.Errorf("%d interfaces after the instance was terminated", n)
	}
}

// script puts a Python program into a file that can be named on a command line.
func (d *daemon) script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(name, []byte("#!/usr/bin/python3"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// about asks the metadata service: with a session token, without one, and for credentials.
const about = `
import json, urllib.request as u, urllib.error
def get(path, method="GET", **headers):
    try: return u.urlopen(u.Request("http://169.254.169.254/latest/" + path, method=method, headers={"X-aws-ec2-metadata-" + k.replace("_", "-"): v for k, v in headers.items()}), timeout=5).read().decode()
    except urllib.error.HTTPError as e: return str(e.code)
print("without:", get("meta-data/instance-id"))
token = get("api/token", "PUT", token_ttl_seconds="60")
for path in ("meta-data/instance-id", "meta-data/local-ipv4", "meta-data/placement/availability-zone", "meta-data/iam/security-credentials/", "meta-data/nothing"):
    print(path + ":", get(path, token=token))
c = json.loads(get("meta-data/iam/security-credentials/host", token=token))
print("credentials:", c["Code"], c["Type"], c["AccessKeyId"][:4])
print("key", c["AccessKeyId"], c["SecretAccessKey"], c["Token"])
`

// TestMetadata gives an instance a role and uses the credentials that it finds.
func TestMetadata(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, group := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", "")
	name := aws.String("host")
	_, err := c.iam.CreateRole(c.ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(lambdaTrust, "lambda", "ec2"))})
	c.check(err)
	_, err = c.iam.CreateInstanceProfile(c.ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	c.check(err)
	_, err = c.iam.AddRoleToInstanceProfile(c.ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: name})
	c.check(err)
	script := "#!/usr/bin/python3" + about
	i := d.instance(c, subnet, group, script, func(in *ec2.RunInstancesInput) {
		in.IamInstanceProfile = &ec2types.IamInstanceProfileSpecification{Name: name}
	})
	said := c.console(*i.InstanceId)
	for _, want := range []string{
		"without: 401\n", "meta-data/instance-id: " + *i.InstanceId + "\n", "meta-data/local-ipv4: " + *i.PrivateIpAddress + "\n",
		"meta-data/placement/availability-zone: us-east-1a\n", "meta-data/iam/security-credentials/: host\n", "meta-data/nothing: 404\n", "credentials: Success AWS-HMAC ASIA\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the instance does not print %q:\n%s", want, said)
		}
	}
	_, keys, _ := strings.Cut(said, "key ")
	f := strings.Fields(keys)
	who, err := d.tenant(t, f[0], f[1], f[2]).sts.GetCallerIdentity(c.ctx, nil)
	c.check(err)
	if want := "arn:aws:sts::000000000000:assumed-role/host/" + *i.InstanceId; *who.Arn != want {
		t.Errorf("the credentials are those of %s, want %s", *who.Arn, want)
	}
}
