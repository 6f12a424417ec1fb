package test

import (
	"slices"
	"strings"
	"testing"

	sdkpvtz "github.com/aliyun/alibaba-cloud-sdk-go/services/pvtz"
)

// TestFunctionComputeOutbound is table 1 of "configure network settings": what a
// function reaches by the four settings of vpcConfig and internetAccess, with and
// without a GPU, and the analyser says the same. The verdicts are the document's.
func TestFunctionComputeOutbound(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "--region", "eu-central-1")
	u := d.aliUser(t, "eu-central-1", "test", "test")
	n, far := u.net("10.20.0.0/16", "eu-central-1a", "10.20.1.0/24", "10.0.0.0/8"), u.net("10.30.0.0/16", "eu-central-1b", "10.30.1.0/24", "10.0.0.0/8")
	n.host(t, "10.20.1.50")
	far.host(t, "10.30.1.50")
	joined := u.join(n, far)
	n.peer("10.30.0.0/16", joined)
	far.peer("10.20.0.0/16", joined)
	u.privateName("corp.internal", "db", "10.20.1.50", n.vpc)

	const internet, inside, vpc, peer, name = "internet", "internal services", "VPC", "peered VPC", "PrivateZone name"
	question := map[string]any{
		"fetch": map[string]string{internet: "http://echo.weir.test/", inside: "http://100.100.0.1/"},
		"connect": map[string]any{
			vpc: []any{"10.20.1.50", 7777}, peer: []any{"10.30.1.50", 7777}, name: []any{"db.corp.internal", 7777},
		},
	}
	targets := map[string]string{internet: "echo.weir.test:80", inside: "100.100.0.1:80", vpc: "10.20.1.50:7777", peer: "10.30.1.50:7777", name: "db.corp.internal:7777"}
	gpu := map[string]any{"gpuType": "fc.gpu.tesla.1", "gpuMemorySize": 8192}
	for _, w := range []struct {
		name            string
		inVPC, internet bool
		gpu             bool
		reaches         []string
	}{
		{"by-default", false, true, false, []string{internet, inside}},
		{"by-default-gpu", false, true, true, []string{internet, inside}},
		{"vpc-only", true, false, false, []string{inside, vpc, peer, name}},
		{"vpc-only-gpu", true, false, true, []string{inside, vpc, peer, name}},
		{"both", true, true, false, []string{internet, inside, vpc, peer, name}},
		{"both-gpu", true, true, true, []string{internet, inside, vpc, peer}},
		{"neither", false, false, false, []string{inside}},
		{"neither-gpu", false, false, true, []string{inside}},
	} {
		settings := map[string]any{"internetAccess": w.internet, "memorySize": 512}
		if w.inVPC {
			settings["vpcConfig"] = n.config()
		}
		if w.gpu {
			settings["gpuConfig"] = gpu
		}
		u.function(w.name, settings)
		got, refusal := u.ask(w.name, question)
		if refusal != "" {
			t.Errorf("%s: %s", w.name, refusal)
			continue
		}
		for what, answer := range got {
			want := slices.Contains(w.reaches, what)
			if is := !strings.HasPrefix(answer, "failed"); is != want {
				t.Errorf("%s: %s: %q, want reached %v", w.name, what, answer, want)
			}
			if want && strings.HasPrefix(answer, "hello") && !strings.HasPrefix(answer, "hello 10.20.1.") {
				t.Errorf("%s: %s saw %q, not the function's own interface", w.name, what, answer)
			}
			status, said := d.command(t, "", "why -region "+u.region+" "+w.name+" "+targets[what])
			if (status == 0) != want {
				t.Errorf("%s: %s: the analyser says %d %s, want reached %v", w.name, what, status, said, want)
			}
		}
	}
}

// privateName makes a PrivateZone of one name that a VPC sees.
func (u *aliUser) privateName(zone, rr, addr, vpc string) {
	u.Helper()
	c, err := sdkpvtz.NewClientWithAccessKey(u.region, u.id, u.secret)
	u.check(err)
	add := aim(u.fcUser, sdkpvtz.CreateAddZoneRequest())
	add.ZoneName = zone
	made, err := c.AddZone(add)
	u.check(err)
	record := aim(u.fcUser, sdkpvtz.CreateAddZoneRecordRequest())
	record.ZoneId, record.Rr, record.Type, record.Value = made.ZoneId, rr, "A", addr
	_, err = c.AddZoneRecord(record)
	u.check(err)
	bind := aim(u.fcUser, sdkpvtz.CreateBindZoneVpcRequest())
	bind.ZoneId, bind.Vpcs = made.ZoneId, &[]sdkpvtz.BindZoneVpcVpcs{{RegionId: u.region, VpcId: vpc}}
	_, err = c.BindZoneVpc(bind)
	u.check(err)
}
