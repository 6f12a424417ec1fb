package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// looksUp prints the addresses of each name, sorted, or "none".
const looksUp = `
import socket, sys
for name in sys.argv[1:]:
    try: print(*sorted({a[4][0] for a in socket.getaddrinfo(name, 80)}))
    except OSError as e: print("none")`

// TestHostNames launches instances in a subnet that names them for their IDs: that
// is what they call themselves, and what the VPC's resolver knows, next to the names
// of their addresses. What a launch says goes before what the subnet says.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
func TestHostNames(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	c := d.root(t)
	vpc, block6, group := c.vpc("10.0.0.0/16")
	subnet, _ := c.subnet(vpc, "10.0.1.0/24", strings.Replace(block6, "::/56", "::/64", 1))
	yes := &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}
	for _, in := range []ec2.ModifySubnetAttributeInput{
		{PrivateDnsHostnameTypeOnLaunch: ec2types.HostnameTypeResourceName}, {EnableResourceNameDnsARecordOnLaunch: yes},
		{EnableResourceNameDnsAAAARecordOnLaunch: yes}, {AssignIpv6AddressOnCreation: yes},
	} {
		in.SubnetId = &subnet
		_, err := c.ec2.ModifySubnetAttribute(c.ctx, &in)
		c.check(err)
	}
	named := d.instance(c, subnet, group, "#!/bin/sh\necho I am $(hostname)\n")
	six := d.instance(c, subnet, group, "#!/bin/sh\necho I am $(hostname)\n", func(in *ec2.RunInstancesInput) {
		in.PrivateDnsNameOptions = &ec2types.PrivateDnsNameOptionsRequest{HostnameType: ec2types.HostnameTypeIpName, EnableResourceNameDnsARecord: aws.Bool(false)}
	})
	for _, want := range []struct {
		i         ec2types.Instance
		name, dns string
	}{
		{named, *named.InstanceId, *named.InstanceId + ".ec2.internal"},
		{six, byAddress(six), byAddress(six) + ".ec2.internal"},
	} {
		if said := c.console(*want.i.InstanceId); !strings.Contains(said, "I am "+want.name+"\n") {
			t.Errorf("the instance says %s, want %s", said, want.name)
		}
		if got := *want.i.PrivateDnsName; got != want.dns {
			t.Errorf("DescribeInstances says %s, want %s", got, want.dns)
		}
	}

	names := []string{*named.InstanceId + ".ec2.internal", byAddress(named) + ".ec2.internal", *six.InstanceId + ".ec2.internal"}
	_, out := d.command(t, "", "attach -subnet "+subnet+" -security-group "+group+" -- "+d.script(t, looksUp)+" "+strings.Join(names, " "))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	want := []string{*named.PrivateIpAddress + " " + *named.Ipv6Address, *named.PrivateIpAddress, *six.Ipv6Address}
	if got := lines[max(0, len(lines)-3):]; !slices.Equal(got, want) {
		t.Errorf("the names %v lead to %q, want %q", names, got, want)
	}
}

func byAddress(i ec2types.Instance) string {
	return "ip-" + strings.ReplaceAll(*i.PrivateIpAddress, ".", "-")
}
