package test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// command runs weir with input and gives its exit status and all it printed.
func (d *daemon) command(t *testing.T, input, line string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.bin, strings.Fields(line)...)
	cmd.Env = append(os.Environ(), "WEIR_ADDR="+d.url)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, out.String()
	case errors.As(err, &exit):
		return exit.ExitCode(), out.String()
	}
	t.Fatalf("weir %s: %v", line, err)
	return 0, ""
}

// says runs a command and compares its status and what it prints.
func (d *daemon) says(t *testing.T, input, line string, status int, want string) string {
	t.Helper()
	got, out := d.command(t, input, line)
	if got != status || !regexp.MustCompile(want).MatchString(out) {
		t.Errorf("weir %s: exit %d\n%s\nwant exit %d and %q", line, got, out, status, want)
	}
	return out
}

// TestCommands uses weir's own subcommands: 2 for a wrong command line, 1 for
// what cannot be done, and every message says what to do.
func TestCommands(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	t.Run("wrong", func(t *testing.T) { d.wrongLines(t) })
	t.Run("show", func(t *testing.T) {
		d.says(t, "", "status", 0, `Weir is ready at `+d.url+`  internet: lab .*--internet host.*\naccount 000000000000, region us-east-1`)
		d.says(t, "", "env", 0, `export AWS_ENDPOINT_URL=`+d.url+`\nexport AWS_ACCESS_KEY_ID=test\nexport AWS_SECRET_ACCESS_KEY=test\nexport AWS_DEFAULT_REGION=us-east-1\n`)
	})
	t.Run("vpc", func(t *testing.T) { d.createsVPC(t) })
	t.Run("function", func(t *testing.T) { d.sitesAndReasons(t) })
	t.Run("reset", func(t *testing.T) { d.resets(t) })
}

func (d *daemon) wrongLines(t *testing.T) {
	other := t.TempDir()
	for _, w := range []struct {
		line   string
		status int
		want   string
	}{
		{"", 0, `Usage: weir COMMAND`},
		{"help", 0, `Usage: weir COMMAND`},
		{"vpc create -h", 0, `-cidr`},
		{"account create -h", 0, `usage: weir account create ID`},
		{"frobnicate", 2, `there is no command "frobnicate"`},
		{"up -frob", 2, `flag provided but not defined: -frob\nUsage of weir up`},
		{"up extra", 2, `unexpected argument "extra"`},
		{"status -frob", 2, `Usage of weir status`},
		{"version extra", 2, `unexpected argument "extra"`},
		{"zone list -off", 2, `usage: weir zone list`},
		{"vpc", 2, `usage: weir vpc create`},
		{"vpc create -zones x", 2, `invalid value "x" for flag -zones`},
		{"vpc create -zones 9", 1, `9 zones asked for; choose 1, 2 or 3`},
		{"vpc create -cidr 10.0.0.0/8 -yes", 1, `10\.0\.0\.0/8`},
		{"vpc create -nat zone -public-subnets 0 -yes", 1, `public`},
		{"why", 2, `usage: weir why SRC DST`},
		{"why nobody x:443", 1, `"nobody" is no network interface, function or private address in us-east-1`},
		{"site", 2, `usage: weir site add`},
		{"site add", 2, `usage: weir site add`},
		{"site remove", 2, `usage: weir site add`},
		{"site add x -dir /does/not/exist", 1, `/does/not/exist`},
		{"status -addr http://127.0.0.1:1", 1, `no daemon answers at http://127\.0\.0\.1:1: start one with .weir up.`},
		{"up -listen nonsense", 1, `-listen "nonsense" is no address with a port`},
		{"up -internet moon", 1, `-internet "moon": choose lab .* or host`},
		{"up -auth none", 1, `-auth "none": choose verify .* or any`},
		{"up -account 1", 1, `-account "1": an account is 12 digits`},
		{"up -auth any -listen 0.0.0.0:4599", 1, `-auth any would let everyone who reaches 0\.0\.0\.0:4599 act as root`},
		{"up -listen " + d.addr + " -data " + other, 1, `listening on ` + d.addr + `: .*address already in use; stop what listens there .*, or choose another address with -listen`},
		{"up -listen 127.0.0.1:0 -data " + d.data, 1, `another Weir uses this directory`},
		{"up -d -listen 127.0.0.1:0 -data " + d.data, 1, `the daemon did not start:\nweir up: .*another Weir uses this directory`},
	} {
		d.says(t, "", w.line, w.status, w.want)
	}
	d.says(t, "", "status", 0, `Weir is ready`) // after all that it still runs
}

const vpcLine = "vpc create -name shop -cidr 10.8.0.0/16 -ipv6 -zones 1 -public-subnets 1 -private-subnets 1 -nat single -egress-only -s3-endpoint"

func (d *daemon) createsVPC(t *testing.T) {
	c := d.root(t)
	named := func() int {
		out, err := c.ec2.DescribeVpcs(c.ctx, &ec2.DescribeVpcsInput{Filters: in("tag:Name", "shop-vpc")})
		c.check(err)
		return len(out.Vpcs)
	}
	const preview = `VPC shop-vpc 10\.8\.0\.0/16 with an IPv6 /56`
	d.says(t, "", vpcLine+" -dry-run", 0, preview)
	d.says(t, "n\n", vpcLine, 1, preview+`(.|\n)*Create this VPC\? \[y/N\] (.|\n)*nothing was created`)
	d.says(t, "", vpcLine, 1, `nothing was created`) // nobody answers
	if n := named(); n != 0 {
		t.Fatalf("%d VPCs before yes was said", n)
	}
	d.says(t, "y\n", vpcLine, 0, `Created:\nVPC vpc-[0-9a-f]{17} \(shop-vpc\) 10\.8\.0\.0/16`)
	if n := named(); n != 1 {
		t.Fatalf("%d VPCs named shop-vpc, want 1", n)
	}
}

// find returns the ID of the only subnet of shop whose name contains a word.
func (c *tenant) find(word string) (subnet, vpc string) {
	c.t.Helper()
	out, err := c.ec2.DescribeSubnets(c.ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: aws.String("tag:Name"), Values: []string{"shop-subnet-" + word + "*"}}}})
	c.check(err)
	if len(out.Subnets) != 1 {
		c.t.Fatalf("%d subnets %s", len(out.Subnets), word)
	}
	return *out.Subnets[0].SubnetId, *out.Subnets[0].VpcId
}

// sitesAndReasons runs functions in the VPC that the command made.
func (d *daemon) sitesAndReasons(t *testing.T) {
	c := d.root(t)
	private, vpc := c.find("private")
	public, _ := c.find("public")
	groups, err := c.ec2.DescribeSecurityGroups(c.ctx, &ec2.DescribeSecurityGroupsInput{Filters: in("vpc-id", vpc)})
	c.check(err)
	group := *groups.SecurityGroups[0].GroupId
	role := c.role("shop")
	c.python("inside", role, fetchCode, at(private, group))
	c.python("outside", role, fetchCode, at(public, group))
	see := func(url string, status int, body string) {
		t.Helper()
		var got fetched
		c.invoke("inside", map[string]any{"url": url}).into(t, &got)
		if got.Status != status || !strings.Contains(got.Body, body) {
			t.Errorf("%s: %+v, want %d with %q", url, got, status, body)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "menu.txt"), []byte("soup of the day"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.says(t, "", "site add tea.example -status 418 -body short-and-stout", 0, `tea\.example answers at 198\.51\.100\.\d+ on the lab internet`)
	d.says(t, "", "site add menu.example -dir "+dir, 0, `menu\.example answers at`)
	see("http://tea.example/", 418, "short-and-stout")
	see("https://tea.example/", 418, "short-and-stout")
	see("https://menu.example/menu.txt", 200, "soup of the day")
	d.says(t, "", "site list", 0, `(?m)^tea\.example +198\.51\.100\.\d+ +418$`)
	d.says(t, "", "site remove tea.example", 0, `^$`)
	d.says(t, "", "site remove tea.example", 1, `tea\.example`)
	see("http://tea.example/", 200, "lab") // the catch-all says what it is

	igw, err := c.ec2.DescribeInternetGateways(c.ctx, &ec2.DescribeInternetGatewaysInput{Filters: in("attachment.vpc-id", vpc)})
	c.check(err)
	d.says(t, "", "why outside aws.amazon.com:443", 3, `not reachable: (.|\n)*`+*igw.InternetGateways[0].InternetGatewayId)
	if out := d.says(t, "", "why inside aws.amazon.com:443", 0, `nat-[0-9a-f]{17}`); strings.Contains(out, "not reachable") {
		t.Errorf("the private subnet has a NAT gateway, and why says: %s", out)
	}
}

// resets takes everything away and finds a fresh account in every region.
func (d *daemon) resets(t *testing.T) {
	c := d.root(t)
	d.says(t, "", "status", 0, `running instances +[1-9]`)
	d.says(t, "", "reset", 0, `fresh`)
	for _, region := range []string{"us-east-1", "eu-central-1"} {
		out, err := c.ec2.DescribeVpcs(c.ctx, &ec2.DescribeVpcsInput{}, func(o *ec2.Options) { o.Region = region })
		c.check(err)
		// https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html
		if len(out.Vpcs) != 1 || !*out.Vpcs[0].IsDefault || *out.Vpcs[0].CidrBlock != "172.31.0.0/16" {
			t.Errorf("VPCs in %s after reset: %+v, want the default one", region, out.Vpcs)
		}
	}
	functions, err := c.lambda.ListFunctions(c.ctx, &lambda.ListFunctionsInput{})
	c.check(err)
	roles, err := c.iam.ListRoles(c.ctx, &iam.ListRolesInput{})
	c.check(err)
	for _, r := range roles.Roles {
		if *r.RoleName == "shop" {
			t.Error("the role is still there after reset")
		}
	}
	if len(functions.Functions) != 0 {
		t.Errorf("functions after reset: %+v", functions.Functions)
	}
	until(t, 5*time.Second, "no instance runs", func() bool {
		_, out := d.command(t, "", "status")
		return regexp.MustCompile(`running instances +0\n`).MatchString(out)
	})
	// And all can be made again.
	d.says(t, "", vpcLine+" -yes", 0, `Created:`)
	private, vpc := c.find("private")
	groups, err := c.ec2.DescribeSecurityGroups(c.ctx, &ec2.DescribeSecurityGroupsInput{Filters: in("vpc-id", vpc)})
	c.check(err)
	c.python("inside", c.role("shop"), fetchCode, at(private, *groups.SecurityGroups[0].GroupId))
	var got fetched
	c.invoke("inside", map[string]any{"url": "https://echo.weir.test/"}).into(t, &got)
	got.source(t)
}

// TestAnyKey starts with -auth any: every key is root.
func TestAnyKey(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "-auth", "any", "-region", "eu-central-1", "-account", "123456789012")
	c := d.tenant(t, "AKIAIOSFODNN7EXAMPLE", "whatever", "")
	if arn := c.role("any"); arn != "arn:aws:iam::123456789012:role/any" {
		t.Errorf("the role is %s", arn)
	}
	c.python("f", "arn:aws:iam::123456789012:role/any", "def handler(e, c): return c.invoked_function_arn", place{})
	if r := c.invoke("f", nil); r.payload != `"arn:aws:lambda:us-east-1:123456789012:function:f"` {
		t.Errorf("got %s %s", r.fault, r.payload)
	}
}
