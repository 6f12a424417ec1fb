package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// keyed makes a user who may do everything in S3, and a key.
func (c *tenant) keyed(name string) (key, secret string) {
	c.t.Helper()
	_, err := c.iam.CreateUser(c.ctx, &iam.CreateUserInput{UserName: &name})
	c.check(err)
	_, err = c.iam.PutUserPolicy(c.ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("s3"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
	c.check(err)
	k, err := c.iam.CreateAccessKey(c.ctx, &iam.CreateAccessKeyInput{UserName: &name})
	c.check(err)
	return *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey
}

// TestGatewayEndpointPolicy has the vendor's command line in a VPC, whose only way
// out is S3's gateway endpoint, ask S3: the endpoint's policy lets one user read
// objects of one bucket. Whom it lets through, S3 answers that it is not implemented.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html#edit-vpc-endpoint-policy-s3
func TestGatewayEndpointPolicy(t *testing.T) {
	t.Parallel()
	dirs := clientDirs()
	if len(dirs) == 0 {
		t.Skip("the aws command line is not installed")
	}
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, group := c.vpc("10.0.0.0/16")
	subnet, table := c.subnet(vpc, "10.0.1.0/24", "")
	keys := map[string]string{}
	for _, name := range []string{"reader", "other"} {
		id, secret := c.keyed(name)
		keys[name] = " AWS_ACCESS_KEY_ID=" + id + " AWS_SECRET_ACCESS_KEY=" + secret
	}
	_, env := d.command(t, "", "env")
	_, bundle, _ := strings.Cut(env, "AWS_CA_BUNDLE=")
	bundle, _, _ = strings.Cut(bundle, "\n")
	if _, err := os.Stat(bundle); err != nil {
		t.Fatal(err)
	}
	made, err := c.ec2.CreateVpcEndpoint(c.ctx, &ec2.CreateVpcEndpointInput{
		VpcId: &vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"), VpcEndpointType: ec2types.VpcEndpointTypeGateway, RouteTableIds: []string{table}})
	c.check(err)
	endpoint := made.VpcEndpoint.VpcEndpointId
	ask := func(when, who, operation, want string) {
		t.Helper()
		line := "attach -subnet " + subnet + " -security-group " + group + " -- /usr/bin/env -u AWS_ENDPOINT_URL AWS_MAX_ATTEMPTS=1 AWS_REGION=us-east-1 AWS_CA_BUNDLE=" + bundle +
			keys[who] + " " + filepath.Join(dirs[0], "aws") + " --cli-connect-timeout 3 s3api " + operation
		if _, out := d.command(t, "", line); !strings.Contains(out, want) {
			t.Errorf("%s, %s asks for %s: %s\nwant %q", when, who, operation, out, want)
		}
	}
	const get, list = "get-object --bucket data --key a /dev/null", "list-objects-v2 --bucket data"
	ask("with the policy that allows all", "other", list, "NotImplemented")
	_, err = c.ec2.ModifyVpcEndpoint(c.ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: endpoint, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::000000000000:user/reader"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}`)})
	c.check(err)
	ask("with a policy for reader", "reader", get, "NotImplemented")
	ask("with a policy for reader", "reader", list, "AccessDenied")
	ask("with a policy for reader", "reader", "get-object --bucket elsewhere --key a /dev/null", "AccessDenied")
	ask("with a policy for reader", "other", get, "AccessDenied")
	_, err = c.ec2.ModifyVpcEndpoint(c.ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: endpoint, RemoveRouteTableIds: []string{table}})
	c.check(err)
	ask("without the route", "reader", get, "Connect timeout")
}
