package main

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

//go:embed functions
var functions embed.FS

// timedOut stands for the vendor's message, whose time and request id differ.
const timedOut = "<time> <request id> Task timed out after 3.NN seconds"

var timedOutForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 3\.\d\d seconds$`)

// story is the page's network and the clients that build it.
type story struct {
	ec2    *ec2.Client
	lambda *lambda.Client
	iam    *iam.Client

	vpc, role, group   string
	public, private    []string // subnets
	privateTable, nat  string   // of the first private subnet
	natAddress, block6 string
	functions          map[string]bool
}

func tell(ctx context.Context, d *daemon) ([]row, error) {
	if err := d.weir(ctx, os.Stdout, "vpc", "create", "-yes", "-name", "demo", "-cidr", "10.0.0.0/16", "-ipv6", "-zones", "2",
		"-public-subnets", "2", "-private-subnets", "2", "-nat", "zone", "-egress-only", "-s3-endpoint"); err != nil {
		return nil, err
	}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &d.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	s := &story{ec2: ec2.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), iam: iam.NewFromConfig(cfg), functions: map[string]bool{}}
	if err := s.survey(ctx); err != nil {
		return nil, err
	}
	if err := s.makeRole(ctx); err != nil {
		return nil, err
	}
	return s.play(ctx)
}

// survey reads back what the workflow made.
func (s *story) survey(ctx context.Context) error {
	vpcs, err := s.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: aws.String("tag:Name"), Values: []string{"demo-vpc"}}}})
	if err != nil || len(vpcs.Vpcs) != 1 {
		return fmt.Errorf("looking up the VPC: %d found: %w", len(vpcs.Vpcs), err)
	}
	s.vpc = *vpcs.Vpcs[0].VpcId
	s.block6 = *vpcs.Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock
	inVPC := []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.vpc}}}
	subnets, err := s.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: inVPC})
	if err != nil {
		return err
	}
	for _, n := range subnets.Subnets {
		switch name := nameTag(n.Tags); {
		case strings.Contains(name, "public"):
			s.public = append(s.public, *n.SubnetId)
		case strings.Contains(name, "private"):
			s.private = append(s.private, *n.SubnetId)
		}
	}
	groups, err := s.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: inVPC})
	if err != nil {
		return err
	}
	s.group = *groups.SecurityGroups[0].GroupId
	tables, err := s.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{{Name: aws.String("association.subnet-id"), Values: s.private[:1]}}})
	if err != nil {
		return err
	}
	s.privateTable = *tables.RouteTables[0].RouteTableId
	for _, r := range tables.RouteTables[0].Routes {
		if r.NatGatewayId != nil {
			s.nat = *r.NatGatewayId
		}
	}
	nats, err := s.ec2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{s.nat}})
	if err != nil {
		return err
	}
	s.natAddress = *nats.NatGateways[0].NatGatewayAddresses[0].PublicIp
	return nil
}

func nameTag(tags []ec2types.Tag) string {
	for _, t := range tags {
		if *t.Key == "Name" {
			return *t.Value
		}
	}
	return ""
}

func (s *story) makeRole(ctx context.Context) error {
	r, err := s.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("demo"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		return err
	}
	s.role = *r.Role.Arn
	_, err = s.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("demo"),
		PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")})
	return err
}

// play runs the page's steps and states by hand what each must give.
func (s *story) play(ctx context.Context) ([]row, error) {
	var rows []row
	step := func(what, expected, function string, subnets []string, event string) error {
		seen, reason, err := s.call(ctx, function, subnets, event)
		rows = append(rows, row{what, expected, seen, reason})
		return err
	}
	echo := `{"url":"https://echo.weir.test/"}`
	first := s.private[:1]
	for _, f := range []func() error{
		func() error { return step("Python, no VPC", "200", "lambda_function.py", nil, "{}") },
		func() error {
			return step("Python, private subnets with NAT", "200", "lambda_function.py", s.private, "{}")
		},
		func() error { return step("Node.js, private subnets with NAT", "200", "index.mjs", s.private, "{}") },
		func() error {
			return step("source address seen outside", "the NAT gateway's "+s.natAddress, "echo.py", first, echo)
		},
		func() error { return step("Python, public subnets", timedOut, "lambda_function.py", s.public, "{}") },
		func() error { return step("Node.js, public subnets", timedOut, "index.mjs", s.public, "{}") },
		func() error { return s.deleteRoute(ctx) },
		func() error { return step("Python, NAT route deleted", timedOut, "lambda_function.py", first, "{}") },
		func() error { return s.restoreRoute(ctx) },
		func() error { return step("Python, NAT route back", "200", "lambda_function.py", first, "{}") },
	} {
		if err := f(); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func (s *story) deleteRoute(ctx context.Context) error {
	_, err := s.ec2.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &s.privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0")})
	return err
}

func (s *story) restoreRoute(ctx context.Context) error {
	_, err := s.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &s.privateTable, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &s.nat})
	return err
}

// call invokes a function in these subnets, creating it at first use, and says
// what came back in the table's words, with Weir's reason if it gave one.
func (s *story) call(ctx context.Context, file string, subnets []string, event string) (seen, reason string, err error) {
	name := strings.NewReplacer(".", "-").Replace(file) + "-" + fmt.Sprint(len(subnets))
	if len(subnets) > 0 {
		name += "-" + subnets[0]
	}
	if err := s.ensure(ctx, name, file, subnets); err != nil {
		return "", "", err
	}
	out, err := s.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(event), LogType: lambdatypes.LogTypeTail})
	if err != nil {
		return "", "", fmt.Errorf("invoking %s: %w", name, err)
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	for line := range strings.Lines(string(log)) {
		text, ok := strings.CutPrefix(line, "WEIR")
		if ok && !strings.Contains(text, "is not installed; running") {
			reason = strings.TrimSpace(text)
		}
	}
	return s.words(out.Payload), reason, nil
}

// words turns a payload into the table's words.
func (s *story) words(payload []byte) string {
	var answer struct{ ErrorMessage, Source string }
	if json.Unmarshal(payload, &answer) == nil {
		switch {
		case timedOutForm.MatchString(answer.ErrorMessage):
			return timedOut
		case answer.Source == s.natAddress:
			return "the NAT gateway's " + answer.Source
		}
	}
	return string(payload)
}

// ensure creates the function if this story has not yet done so.
func (s *story) ensure(ctx context.Context, name, file string, subnets []string) error {
	if s.functions[name] {
		return nil
	}
	code, err := zipped(file)
	if err != nil {
		return err
	}
	in := &lambda.CreateFunctionInput{FunctionName: &name, Role: &s.role, Code: &lambdatypes.FunctionCode{ZipFile: code}}
	switch file {
	case "index.mjs":
		in.Runtime, in.Handler = lambdatypes.RuntimeNodejs20x, aws.String("index.handler")
	case "echo.py":
		in.Runtime, in.Handler = lambdatypes.RuntimePython312, aws.String("echo.handler")
	default:
		in.Runtime, in.Handler = lambdatypes.RuntimePython312, aws.String("lambda_function.lambda_handler")
	}
	if len(subnets) > 0 {
		in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: subnets, SecurityGroupIds: []string{s.group}}
	}
	if _, err := s.lambda.CreateFunction(ctx, in); err != nil {
		return fmt.Errorf("creating %s: %w", name, err)
	}
	s.functions[name] = true
	return lambda.NewFunctionActiveV2Waiter(s.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 100*time.Millisecond
	}).
		Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

func zipped(file string) ([]byte, error) {
	b, err := functions.ReadFile("functions/" + file)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create(file)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
