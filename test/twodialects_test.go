package test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestTwoDialects: an account's VPCs and functions are the same in both dialects.
// A function of each runs in a VPC that the other made, and is seen by the VPC's
// host; a VPC's first addresses, which the other dialect keeps back, are nobody's.
func TestTwoDialects(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--region", "eu-central-1")
	b := d.aliUser(t, "eu-central-1", "test", "test")
	a := d.root(t)
	a.ec2 = ec2.New(a.ec2.Options(), func(o *ec2.Options) { o.Region = b.region })
	a.lambda = lambda.New(a.lambda.Options(), func(o *lambda.Options) { o.Region = b.region })
	askHost := map[string]any{"connect": map[string]any{"host": []any{"10.1.0.50", 7777}}}

	// Function Compute in a VPC of EC2: the subnet begins where the VPC does.
	vpc, _, group := a.vpc("10.1.0.0/16") // whose members reach each other
	out, err := a.ec2.CreateSubnet(a.ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.1.0.0/24"), AvailabilityZone: aws.String("eu-central-1a")})
	a.check(err)
	subnet := *out.Subnet.SubnetId
	host := d.attach(t, "-region eu-central-1 -subnet "+subnet+" -security-group "+group+" -ip 10.1.0.50", "/usr/bin/python3", "-c", serve)
	defer host.Process.Kill()
	b.function("compute", map[string]any{"internetAccess": false, "vpcConfig": map[string]any{"vpcId": vpc, "vSwitchIds": []string{subnet}, "securityGroupId": group}})
	if got, refusal := b.ask("compute", askHost); refusal != "" || !strings.HasPrefix(got["host"], "hello 10.1.0.") {
		t.Errorf("Function Compute in a VPC of EC2: %v %s", got, refusal)
	}
	// and a vSwitch there keeps back what the VPC's router and resolver have.
	b.vswitch(vpc, "eu-central-1b", "10.1.1.0/24")

	// Lambda in a VPC of Alibaba Cloud, from its vSwitch's first address on.
	n := b.net("10.1.0.0/16", "eu-central-1a", "10.1.0.0/24", "10.1.0.0/16")
	n.host(t, "10.1.0.50")
	role := a.role("run")
	a.python("lambda", role, fcReach, at(n.vswitch, n.group), func(in *lambda.CreateFunctionInput) {
		in.Code.ZipFile = zipped(map[string]string{"main.py": strings.Replace(fcReach, "json.loads(event)", "event", 1)})
	})
	var got map[string]string
	if r := a.invoke("lambda", askHost); r.fault != "" || json.Unmarshal([]byte(r.payload), &got) != nil || !strings.HasPrefix(got["host"], "hello 10.1.0.") {
		t.Errorf("Lambda in a VPC of Alibaba Cloud: %s %s", r.fault, r.payload)
	}

	// Each shows the other's.
	vpcs, err := a.ec2.DescribeVpcs(a.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{n.vpc}})
	a.check(err)
	if len(vpcs.Vpcs) != 1 || *vpcs.Vpcs[0].CidrBlock != "10.1.0.0/16" {
		t.Errorf("EC2 shows %+v", vpcs.Vpcs)
	}
	if out, refusal := b.call("GET", "/functions/lambda", nil, nil); refusal != "" || !strings.Contains(toJSON(out), n.vswitch) {
		t.Errorf("Function Compute shows %v %s", out, refusal)
	}
	fn, err := a.lambda.GetFunction(a.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("compute")})
	a.check(err)
	if fn.Configuration.VpcConfig == nil || *fn.Configuration.VpcConfig.VpcId != vpc {
		t.Errorf("Lambda shows %+v", fn.Configuration.VpcConfig)
	}
}
