package elbv2_test

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	vpcs "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/aws/elbv2"
	"weir/internal/api/aws/sdktest"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/logs"
	"weir/internal/store"
)

const account = "111122223333"

// nobody knows no key, so that every caller is the root of the account.
type nobody struct{}

func (nobody) Credential(string, string) (string, cloud.Principal, bool, error) {
	return "", cloud.Principal{}, false, errors.New("unknown key")
}

// newClient serves load balancing, and has a VPC beside it.
func newClient(t *testing.T) (c *sdk.Client, vpc string) {
	t.Helper()
	k := control.New(control.Deps{Store: store.NewMemory(cloud.Schema()), Logs: logs.NewMemory(), Now: time.Now}, control.Options{
		Account: account, Region: "us-east-1", Regions: []control.RegionInfo{{Name: "us-east-1", Zones: []control.ZoneInfo{{Name: "us-east-1a", ID: "use1-az1"}}}},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"),
	})
	server := wire.NewServer(wire.Config{Verify: nobody{}, Any: true, Account: account, Region: "us-east-1"})
	server.Add(ec2.New(k))
	server.Add(elbv2.New(k, func(cloud.TargetGroupID, netip.Addr, int) (string, string) { return "unused", "" }))
	h := httptest.NewServer(server)
	t.Cleanup(h.Close)
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &h.URL, HTTPClient: sdktest.Client, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	out, err := vpcs.NewFromConfig(cfg).DescribeVpcs(t.Context(), &vpcs.DescribeVpcsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return sdk.NewFromConfig(cfg), *out.Vpcs[0].VpcId
}

func refused(t *testing.T, err error, code, msg string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || e.ErrorMessage() != msg {
		t.Errorf("got %v; want %s: %q", err, code, msg)
	}
}

// TestHealthCheckTimes has a check end before the next begins.
func TestHealthCheckTimes(t *testing.T) {
	c, vpc := newClient(t)
	ctx := t.Context()
	in := &sdk.CreateTargetGroupInput{
		Name: aws.String("web"), Protocol: "TCP", Port: aws.Int32(80), VpcId: &vpc, HealthCheckIntervalSeconds: aws.Int32(5), HealthCheckTimeoutSeconds: aws.Int32(6),
	}
	const late = "Health check timeout '6' must be smaller than or equal to the interval '5'"
	_, err := c.CreateTargetGroup(ctx, in)
	refused(t, err, "ValidationError", late)
	in.HealthCheckTimeoutSeconds = aws.Int32(5)
	made, err := c.CreateTargetGroup(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ModifyTargetGroup(ctx, &sdk.ModifyTargetGroupInput{TargetGroupArn: made.TargetGroups[0].TargetGroupArn, HealthCheckTimeoutSeconds: aws.Int32(6)})
	refused(t, err, "ValidationError", late)
	_, err = c.ModifyTargetGroup(ctx, &sdk.ModifyTargetGroupInput{
		TargetGroupArn: made.TargetGroups[0].TargetGroupArn, HealthCheckTimeoutSeconds: aws.Int32(6), HealthCheckIntervalSeconds: aws.Int32(6),
	})
	if err != nil {
		t.Errorf("a timeout as long as the interval: %v", err)
	}
}
