package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

const fcRegion, fcZone = "cn-hangzhou", "cn-hangzhou-h"

// computing is a user of Function Compute, with a VPC for its functions.
type computing struct {
	*daemon
	api     *openapi.Client
	network map[string]any
}

func (d *daemon) computing() (*computing, error) {
	api, err := openapi.NewClient(&openapi.Config{AccessKeyId: tea.String("test"), AccessKeySecret: tea.String("test"),
		Endpoint: &d.addr, Protocol: tea.String("http"), RegionId: tea.String(fcRegion)})
	if err != nil {
		return nil, err
	}
	c := &computing{daemon: d, api: api}
	return c, c.connect()
}

func (c *computing) aim(r requests.AcsRequest) {
	r.SetDomain(c.addr)
	r.SetScheme("http")
}

// connect makes a VPC with a vSwitch and a security group.
func (c *computing) connect() error {
	vpc, err := sdkvpc.NewClientWithAccessKey(fcRegion, "test", "test")
	if err != nil {
		return err
	}
	ecs, err := sdkecs.NewClientWithAccessKey(fcRegion, "test", "test")
	if err != nil {
		return err
	}
	v := sdkvpc.CreateCreateVpcRequest()
	c.aim(v)
	v.CidrBlock = "10.0.0.0/16"
	in, err := vpc.CreateVpc(v)
	if err != nil {
		return err
	}
	s := sdkvpc.CreateCreateVSwitchRequest()
	c.aim(s)
	s.VpcId, s.ZoneId, s.CidrBlock = in.VpcId, fcZone, "10.0.1.0/24"
	vswitch, err := vpc.CreateVSwitch(s)
	if err != nil {
		return err
	}
	g := sdkecs.CreateCreateSecurityGroupRequest()
	c.aim(g)
	g.VpcId = in.VpcId
	group, err := ecs.CreateSecurityGroup(g)
	if err != nil {
		return err
	}
	c.network = map[string]any{"vpcId": in.VpcId, "vSwitchIds": []string{vswitch.VSwitchId}, "securityGroupId": group.SecurityGroupId}
	return nil
}

func (c *computing) call(method, path string, body any) (map[string]any, error) {
	out, err := c.api.CallApi(&openapi.Params{Action: tea.String("Call"), Version: tea.String("2023-03-30"), Protocol: tea.String("HTTP"), Method: &method,
		AuthType: tea.String("AK"), Style: tea.String("ROA"), Pathname: tea.String("/2023-03-30/functions" + path), ReqBodyType: tea.String("json"), BodyType: tea.String("json")},
		&openapi.OpenApiRequest{Body: body}, &util.RuntimeOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	got, _ := out["body"].(map[string]any)
	return got, nil
}

// contender makes a function with an HTTP trigger, whose every start is cold:
// with two interfaces (a VPC and the internet by the platform's own), or with one.
func (c *computing) contender(name string, two bool) (*contender, error) {
	archive, err := zipped(python)
	if err != nil {
		return nil, err
	}
	in := map[string]any{"functionName": name, "runtime": "python3.10", "handler": python.handler, "timeout": 30, "internetAccess": true,
		"code": map[string]any{"zipFile": base64.StdEncoding.EncodeToString(archive)}}
	if two {
		in["vpcConfig"] = c.network
	}
	if _, err := c.call(http.MethodPost, "", in); err != nil {
		return nil, err
	}
	config, _ := json.Marshal(map[string]any{"authType": "anonymous", "methods": []string{"POST"}})
	made, err := c.call(http.MethodPost, "/"+name+"/triggers", map[string]any{"triggerName": "web", "triggerType": "http", "triggerConfig": string(config)})
	if err != nil {
		return nil, err
	}
	web, _ := made["httpTrigger"].(map[string]any)
	at, err := url.Parse(fmt.Sprint(web["urlInternet"]))
	if err != nil {
		return nil, err
	}
	return &contender{
		prepare: func(_ context.Context, round int) error {
			_, err := c.call(http.MethodPut, "/"+name, map[string]any{"description": fmt.Sprint("round ", round)})
			return err
		},
		start: func(ctx context.Context) (time.Duration, error) { return c.visit(ctx, at.Host) },
	}, nil
}

// visit invokes a function by its trigger's name, on a connection of its own.
func (c *computing) visit(ctx context.Context, host string) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.addr+"/", bytes.NewReader([]byte(event)))
	if err != nil {
		return 0, err
	}
	r.Host = host
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		return 0, err
	}
	conn, err := dial(c.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return conn.call(request.Bytes())
}
