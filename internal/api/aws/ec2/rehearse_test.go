package ec2_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"weir/internal/api/aws/ec2"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

func (w *world) rehearse(changes string) (*control.Control, error) {
	w.Helper()
	var list []ec2.Change
	if err := json.Unmarshal([]byte(changes), &list); err != nil {
		return nil, err
	}
	fork := w.control.Fork()
	who := control.Caller{Account: account, Region: "us-east-1", NewID: ec2.NewID}
	return fork, ec2.Rehearse(w.Context(), fork, who, list)
}

func TestRehearse(t *testing.T) {
	w := newWorld(t)
	vpc, subnet := w.network()
	before := w.control.View().Rev()
	fork, err := w.rehearse(`[
		{"CreateInternetGateway": {}, "as": "igw"},
		{"AttachInternetGateway": {"VpcId": "` + vpc + `", "InternetGatewayId": "${igw.InternetGateway.InternetGatewayId}"}},
		{"AllocateAddress": {}, "as": "eip"},
		{"CreateNatGateway": {"SubnetId": "` + subnet + `", "AllocationId": "${eip.AllocationId}"}, "as": "nat"},
		{"CreateTags": {"Resources": ["${nat.NatGateway.NatGatewayAddresses.0.NetworkInterfaceId}"], "Tags": [{"Key": "a", "Value": "b"}]}}]`)
	if err != nil {
		t.Fatal(err)
	}
	gateways := func(c *control.Control) (n int) {
		for range cloud.NATGateways.All(c.View()) {
			n++
		}
		return n
	}
	equal(w, "NAT gateways in the fork", gateways(fork), 1)
	equal(w, "NAT gateways", gateways(w.control), 0)
	equal(w, "revision", w.control.View().Rev(), before)
	equal(w, "internet gateways shown", len(do(w.DescribeInternetGateways(t.Context(), &sdk.DescribeInternetGatewaysInput{})).InternetGateways), 1) // the default VPC's
}

func TestRehearseRefusals(t *testing.T) {
	for _, c := range []struct{ name, changes, want string }{
		{"an API error", `[{"CreateInternetGateway": {}}, {"DeleteVpc": {"VpcId": "` + noVPC + `"}}]`, "change 2, DeleteVpc: InvalidVpcID.NotFound"},
		{"no such operation", `[{"MakeItWork": {}}]`, "change 1, MakeItWork: InvalidAction"},
		{"not implemented", `[{"CreateFleet": {}}]`, "not implemented"},
		{"an unknown member", `[{"DeleteVpc": {"Vpc": "x"}}]`, `unknown field "Vpc"`},
		{"a missing member", `[{"DeleteVpc": {}}]`, "MissingParameter"},
		{"a member of another type", `[{"DeleteVpc": {"VpcId": 5}}]`, "change 1, DeleteVpc"},
		{"a reference to nothing", `[{"DeleteVpc": {"VpcId": "${x.VpcId}"}}]`, "${x.VpcId} refers to nothing"},
		{"two operations", `[{"DeleteVpc": {}, "CreateVpc": {}}]`, "one operation"},
		{"no operation", `[{"as": "x"}]`, "names an operation"},
		{"no list", `{"DeleteVpc": {}}`, "cannot unmarshal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newWorld(t).rehearse(c.changes)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	_, err := newWorld(t).rehearse(`[{"DeleteVpc": {"VpcId": "` + noVPC + `"}}]`)
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != "InvalidVpcID.NotFound" {
		t.Errorf("the API's error is not in %v", err)
	}
}
