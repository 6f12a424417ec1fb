package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	region = "us-east-1"
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	// invokeOnly is what the user who is measured may do.
	invokeOnly = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:*"},
		{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`
)

// daemon is a Weir of the bench's own, with a VPC, a role and a user in it.
type daemon struct {
	binary, data, addr string

	lambda        *lambda.Client
	ec2           *ec2.Client
	iam           *iam.Client
	role          string
	subnet, group string
	user          aws.Credentials
}

func startDaemon(ctx context.Context, binary string, flags ...string) (_ *daemon, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &daemon{binary: binary, addr: l.Addr().String()}
	l.Close()
	if d.data, err = os.MkdirTemp("", "weir-bench-"); err != nil {
		return nil, err
	}
	if err := d.weir(ctx, append([]string{"up", "-d", "-listen", d.addr, "-data", d.data}, flags...)...); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.data))
	}
	url := "http://" + d.addr
	cfg := aws.Config{Region: region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	d.lambda, d.ec2, d.iam = lambda.NewFromConfig(cfg), ec2.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	if err := errors.Join(d.network(ctx), d.people(ctx)); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

func (d *daemon) stop() error {
	return errors.Join(d.weir(context.Background(), "down", "-addr", "http://"+d.addr), os.RemoveAll(d.data))
}

func (d *daemon) weir(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, d.binary, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("weir %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// network makes a VPC with a private subnet and a security group.
func (d *daemon) network(ctx context.Context) error {
	vpc, err := d.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		return err
	}
	subnet, err := d.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24")})
	if err != nil {
		return err
	}
	groups, err := d.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{*vpc.Vpc.VpcId}}}})
	if err != nil {
		return err
	}
	d.subnet, d.group = *subnet.Subnet.SubnetId, *groups.SecurityGroups[0].GroupId
	return nil
}

// people makes the functions' role and a user who may only invoke.
func (d *daemon) people(ctx context.Context) error {
	role, err := d.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("bench"), AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		return err
	}
	d.role = *role.Role.Arn
	if _, err = d.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("bench"),
		PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")}); err != nil {
		return err
	}
	if _, err := d.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bench")}); err != nil {
		return err
	}
	if _, err := d.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("bench"), PolicyName: aws.String("invoke"), PolicyDocument: aws.String(invokeOnly)}); err != nil {
		return err
	}
	key, err := d.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bench")})
	if err != nil {
		return err
	}
	d.user = aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}
	return nil
}

// A language has a function that returns its event.
type language struct {
	name, file, code, handler string
	runtime                   lambdatypes.Runtime
	bare                      []string // starts the interpreter and writes a line
}

var (
	python = language{"Python", "echo.py", "def handler(event, context):\n    return event\n", "echo.handler", lambdatypes.RuntimePython312,
		[]string{"/usr/bin/python3", "-c", "import os; os.write(1, b'\\n')"}}
	node = language{"Node.js", "echo.js", "exports.handler = async (event) => event;\n", "echo.handler", lambdatypes.RuntimeNodejs20x,
		[]string{"/usr/bin/node", "-e", "process.stdout.write('\\n')"}}
)

// zipped is a language's function as an archive.
func zipped(l language) ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create(l.file)
	if err == nil {
		_, err = w.Write([]byte(l.code))
	}
	err = errors.Join(err, z.Close())
	return buf.Bytes(), err
}

// create makes a function and waits until it is active.
func (d *daemon) create(ctx context.Context, name string, l language, inVPC bool) error {
	archive, err := zipped(l)
	if err != nil {
		return err
	}
	in := &lambda.CreateFunctionInput{FunctionName: &name, Role: &d.role, Runtime: l.runtime, Handler: &l.handler,
		MemorySize: aws.Int32(256), Timeout: aws.Int32(30), Code: &lambdatypes.FunctionCode{ZipFile: archive}}
	if inVPC {
		in.VpcConfig = &lambdatypes.VpcConfig{SubnetIds: []string{d.subnet}, SecurityGroupIds: []string{d.group}}
	}
	if _, err := d.lambda.CreateFunction(ctx, in); err != nil {
		return fmt.Errorf("creating %s: %w", name, err)
	}
	return lambda.NewFunctionActiveV2Waiter(d.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 100*time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

// touch changes a function's configuration, so that its next invocation needs a new instance.
func (d *daemon) touch(ctx context.Context, name string, round int) error {
	if _, err := d.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Description: aws.String(fmt.Sprint("round ", round))}); err != nil {
		return err
	}
	return lambda.NewFunctionUpdatedV2Waiter(d.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

// root is the module's directory, from which go test runs.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, miss := os.Stat(filepath.Join(dir, "go.mod")); miss == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", errors.New("run this inside Weir's source tree")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
