package control

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"weir/internal/cloud"
	"weir/internal/store"
)

const (
	lambdaService = "lambda.amazonaws.com"
	trustLambda   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	trustEC2      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allowENI      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:CreateNetworkInterface"],"Resource":"*"}]}`
	account       = "000000000000"
	region        = "us-east-1"
)

// functionWorld is a control over memory with roles, and a VPC of two subnets.
type functionWorld struct {
	*Control
	who     Caller
	clock   time.Time
	vpc     *cloud.VPC
	subnets []*cloud.Subnet
	group   cloud.SecurityGroupID
	next    int
}

func newFunctionWorld(t *testing.T) *functionWorld {
	t.Helper()
	w := &functionWorld{clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.Control = New(Deps{
		Store: store.NewMemory(cloud.Schema()),
		Blobs: store.NewMemoryBlobs(),
		Now:   func() time.Time { return w.clock },
	}, Options{
		Account: account, Region: region,
		Regions:    []RegionInfo{{Name: region, Zones: []ZoneInfo{{Name: "us-east-1a", ID: "use1-az1"}, {Name: "us-east-1b", ID: "use1-az2"}}}},
		PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	})
	w.who = Caller{Account: account, Region: region, NewID: func(k cloud.Resource) string {
		w.next++
		return fmt.Sprintf("%s-%d", k, w.next)
	}}
	w.vpc = w.makeVPC(t, "10.0.0.0/16", true)
	for _, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		w.subnets = append(w.subnets, w.makeSubnet(t, w.vpc, cidr))
	}
	w.group = defaultSecurityGroup(w.View(), w.vpc.ID).ID
	w.put(t, "runner", trustLambda, map[string]string{"eni": allowENI})
	w.put(t, "plain", trustLambda, nil)
	w.put(t, "other", trustEC2, nil)
	return w
}

func (w *functionWorld) makeVPC(t *testing.T, cidr string, ipv6 bool) *cloud.VPC {
	t.Helper()
	vpc, err := w.CreateVPC(t.Context(), w.who, CreateVPC{CIDR: netip.MustParsePrefix(cidr), IPv6: ipv6, DNSSupport: true})
	if err != nil {
		t.Fatal(err)
	}
	return vpc
}

func (w *functionWorld) makeSubnet(t *testing.T, vpc *cloud.VPC, cidr string) *cloud.Subnet {
	t.Helper()
	s, err := w.CreateSubnet(t.Context(), w.who, CreateSubnet{VPC: vpc.ID, CIDR: netip.MustParsePrefix(cidr), Zone: "us-east-1a", ReservedFirst: 4, ReservedLast: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *functionWorld) put(t *testing.T, name, trust string, inline map[string]string) {
	t.Helper()
	_, err := w.store.Update(t.Context(), func(tx cloud.Tx) error {
		cloud.Roles.Put(tx, &cloud.Role{Meta: cloud.Meta{Account: account}, Name: name, Path: "/", Trust: trust, Inline: inline})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func role(name string) *ExecutionRole {
	return &ExecutionRole{ARN: "arn:aws:iam::" + account + ":role/" + name, Service: lambdaService}
}

func zipOf(t *testing.T, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func p[T any](v T) *T { return &v }

func (w *functionWorld) creation(t *testing.T, name string) CreateFunction {
	return CreateFunction{
		Name: name, Archive: zipOf(t, "index.py", "def handler(e, c): return e"), Architecture: "x86_64", PackageType: "Zip",
		Settings: FunctionSettings{Runtime: p("python3.12"), Handler: p("index.handler"), Role: role("runner"),
			Memory: p(128), Ephemeral: p(512), Timeout: p(3 * time.Second), LogGroup: p("/aws/lambda/" + name)},
	}
}

func (w *functionWorld) network(subnets ...cloud.SubnetID) *FunctionNetworkSettings {
	return &FunctionNetworkSettings{Subnets: subnets, Groups: []cloud.SecurityGroupID{w.group}, RoleActions: []string{"ec2:CreateNetworkInterface"}, Managed: "lambda"}
}

func (w *functionWorld) mustCreate(t *testing.T, in CreateFunction) *cloud.Function {
	t.Helper()
	fn, err := w.CreateFunction(t.Context(), w.who, in)
	if err != nil {
		t.Fatal(err)
	}
	return fn
}

// functionInterfacesNow are the interfaces that carry functions in the user's own VPCs.
func (w *functionWorld) interfaces() []*cloud.Interface {
	var out []*cloud.Interface
	for i := range cloud.Interfaces.By(w.View(), "scope", w.who.scope()) {
		if i.Use == cloud.UseFunction {
			out = append(out, i)
		}
	}
	return out
}

func wantError(t *testing.T, err error, kind cloud.Kind, res cloud.Resource, reason string) {
	t.Helper()
	var e *cloud.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a %s error on %s", err, kind, res)
	}
	if e.Kind != kind || e.Resource != res || e.Reason != reason {
		t.Errorf("got %s/%s/%q (%v), want %s/%s/%q", e.Resource, e.Kind, e.Reason, err, res, kind, reason)
	}
}

func TestCreateFunctionRefuses(t *testing.T) {
	w := newFunctionWorld(t)
	other := w.makeVPC(t, "10.1.0.0/16", false)
	far := w.makeSubnet(t, other, "10.1.0.0/24")
	farGroup := defaultSecurityGroup(w.View(), other.ID).ID
	w.mustCreate(t, w.creation(t, "there"))
	a, b := w.subnets[0].ID, w.subnets[1].ID
	tests := []struct {
		name   string
		change func(*CreateFunction)
		kind   cloud.Kind
		res    cloud.Resource
		reason string
	}{
		{"duplicate", func(in *CreateFunction) { in.Name = "there" }, cloud.Exists, cloud.KindFunction, ""},
		{"no zip", func(in *CreateFunction) { in.Archive = []byte("PK no") }, cloud.Invalid, cloud.KindFunction, "archive"},
		{"no role", func(in *CreateFunction) { in.Settings.Role = role("nobody") }, cloud.Invalid, cloud.KindRole, "not-assumable"},
		{"role in no path", func(in *CreateFunction) { in.Settings.Role = role("deep/runner") }, cloud.Invalid, cloud.KindRole, "not-assumable"},
		{"role for another service", func(in *CreateFunction) { in.Settings.Role = role("other") }, cloud.Invalid, cloud.KindRole, "not-assumable"},
		{"role without ENI permission", func(in *CreateFunction) { in.Settings.Role, in.Settings.Network = role("plain"), w.network(a) }, cloud.Denied, cloud.KindRole, "ec2:CreateNetworkInterface"},
		{"unknown subnet", func(in *CreateFunction) { in.Settings.Network = w.network("subnet-gone") }, cloud.NotFound, cloud.KindSubnet, ""},
		{"unknown group", func(in *CreateFunction) {
			in.Settings.Network = w.network(a)
			in.Settings.Network.Groups = []cloud.SecurityGroupID{"sg-gone"}
		}, cloud.NotFound, cloud.KindSecurityGroup, ""},
		{"two VPCs", func(in *CreateFunction) { in.Settings.Network = w.network(a, far.ID) }, cloud.Invalid, cloud.KindSubnet, "two-vpcs"},
		{"group of another VPC", func(in *CreateFunction) {
			in.Settings.Network = w.network(a, b)
			in.Settings.Network.Groups = []cloud.SecurityGroupID{farGroup}
		}, cloud.Invalid, cloud.KindSecurityGroup, "other-vpc"},
		{"not dual-stack", func(in *CreateFunction) { in.Settings.Network = w.network(a); in.Settings.Network.IPv6 = true }, cloud.Invalid, cloud.KindSubnet, "not-dual-stack"},
		{"subnets without groups", func(in *CreateFunction) { in.Settings.Network = w.network(a); in.Settings.Network.Groups = nil }, cloud.Invalid, cloud.KindFunction, "subnets-and-groups"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := w.creation(t, "new")
			tt.change(&in)
			_, err := w.CreateFunction(t.Context(), w.who, in)
			wantError(t, err, tt.kind, tt.res, tt.reason)
			if _, ok := cloud.Functions.Get(w.View(), cloud.MakeFunctionKey(account, region, "new")); ok {
				t.Error("the function was created all the same")
			}
			if n := len(w.interfaces()); n != 0 {
				t.Errorf("%d interfaces were left behind", n)
			}
		})
	}
}

func TestFunctionsShareInterfaces(t *testing.T) {
	w := newFunctionWorld(t)
	a, b := w.subnets[0].ID, w.subnets[1].ID
	with := func(name string, subnets ...cloud.SubnetID) *cloud.Function {
		in := w.creation(t, name)
		in.Settings.Network = w.network(subnets...)
		return w.mustCreate(t, in)
	}
	one, two := with("one", a, b), with("two", b)
	if n := len(w.interfaces()); n != 2 {
		t.Fatalf("%d interfaces for two subnets and one list of groups, want 2", n)
	}
	if one.Latest.Network.Interfaces[1] != two.Latest.Network.Interfaces[0] {
		t.Error("functions with the same groups do not share the interface in subnet b")
	}
	if one.Latest.Network.VPC != w.vpc.ID {
		t.Errorf("VPC %q", one.Latest.Network.VPC)
	}
	// The addresses 10.0.x.0 to .3 and .255 are the VPC's own.
	i, _ := cloud.Interfaces.Get(w.View(), one.Latest.Network.Interfaces[0])
	if want := netip.MustParseAddr("10.0.0.4"); i.Addrs[0] != want || i.Managed != "lambda" {
		t.Errorf("interface has %v, managed by %q; want %v, lambda", i.Addrs, i.Managed, want)
	}
	if err := w.DeleteFunction(t.Context(), w.who, "one", 0); err != nil {
		t.Fatal(err)
	}
	left := w.interfaces()
	if len(left) != 1 || left[0].Subnet != b {
		t.Fatalf("after the first function went: %d interfaces, want the one that the second uses", len(left))
	}
	if _, err := w.PublishVersion(t.Context(), w.who, PublishVersion{Name: "two"}); err != nil {
		t.Fatal(err)
	}
	none := &FunctionNetworkSettings{}
	if _, err := w.UpdateFunctionSettings(t.Context(), w.who, UpdateFunctionSettings{Name: "two", Settings: FunctionSettings{Network: none}}); err != nil {
		t.Fatal(err)
	}
	if len(w.interfaces()) != 1 {
		t.Error("the published version lost its interface when $LATEST left the VPC")
	}
	if err := w.DeleteFunction(t.Context(), w.who, "two", 1); err != nil {
		t.Fatal(err)
	}
	if n := len(w.interfaces()); n != 0 {
		t.Errorf("%d interfaces left after the last user", n)
	}
}

func TestRoleMattersOnlyWhenTheNetworkIsConfigured(t *testing.T) {
	w := newFunctionWorld(t)
	in := w.creation(t, "f")
	in.Settings.Network = w.network(w.subnets[0].ID)
	w.mustCreate(t, in)
	w.put(t, "runner", trustLambda, nil) // the permission goes
	if _, err := w.UpdateFunctionSettings(t.Context(), w.who, UpdateFunctionSettings{Name: "f", Settings: FunctionSettings{Memory: p(256)}}); err != nil {
		t.Errorf("a change that does not touch the network: %v", err)
	}
	same := FunctionSettings{Network: w.network(w.subnets[0].ID)}
	if _, err := w.UpdateFunctionSettings(t.Context(), w.who, UpdateFunctionSettings{Name: "f", Settings: same}); err != nil {
		t.Errorf("the same network again: %v", err)
	}
	_, err := w.UpdateFunctionSettings(t.Context(), w.who, UpdateFunctionSettings{Name: "f", Settings: FunctionSettings{Network: w.network(w.subnets[1].ID)}})
	wantError(t, err, cloud.Denied, cloud.KindRole, "ec2:CreateNetworkInterface")
}

func TestNoAddressLeft(t *testing.T) {
	w := newFunctionWorld(t)
	small := w.makeSubnet(t, w.vpc, "10.0.2.0/28") // 16 addresses, 5 of them the VPC's own
	for n := range 11 {
		if _, err := w.CreateInterface(t.Context(), w.who, CreateInterface{Subnet: small.ID}); err != nil {
			t.Fatalf("interface %d: %v", n, err)
		}
	}
	in := w.creation(t, "full")
	in.Settings.Network = w.network(w.subnets[0].ID, small.ID)
	fn := w.mustCreate(t, in)
	if s := fn.Latest.State; s.Status != "failed" || s.Code != "no-addresses" {
		t.Errorf("state %+v, want failed for no-addresses", s)
	}
	if n := len(w.interfaces()); n != 0 {
		t.Errorf("%d interfaces of the failed function are left", n)
	}
}

func TestFunctionWithoutVPC(t *testing.T) {
	w := newFunctionWorld(t)
	fn := w.mustCreate(t, w.creation(t, "free"))
	n := fn.Latest.Network
	if len(n.Subnets) != 0 || len(n.Interfaces) != 1 {
		t.Fatalf("network %+v, want one interface of the service network and no subnets", n)
	}
	vpc, ok := cloud.VPCs.Get(w.View(), n.VPC)
	if !ok || !vpc.Service || vpc.Account == account {
		t.Errorf("it runs in %+v, want the platform's own network", vpc)
	}
	if err := w.DeleteFunction(t.Context(), w.who, "free", 0); err != nil {
		t.Fatal(err)
	}
	if _, ok := cloud.Interfaces.Get(w.View(), n.Interfaces[0]); !ok {
		t.Error("the service network's interface went with the function")
	}
}

func TestCodeLivesAsLongAsAVersionNamesIt(t *testing.T) {
	w := newFunctionWorld(t)
	ctx := t.Context()
	first := w.mustCreate(t, w.creation(t, "f")).Latest.CodeDigest
	if _, err := w.PublishVersion(ctx, w.who, PublishVersion{Name: "f"}); err != nil {
		t.Fatal(err)
	}
	update := func(body string) string {
		fn, err := w.UpdateFunctionCode(ctx, w.who, UpdateFunctionCode{Name: "f", Archive: zipOf(t, "index.py", body)})
		if err != nil {
			t.Fatal(err)
		}
		return fn.Latest.CodeDigest
	}
	second := update("second")
	third := update("third")
	has := func(digest string) bool {
		ok, err := w.blobs.Has(ctx, digest)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !has(first) || has(second) || !has(third) {
		t.Errorf("stored: first %v, second %v, third %v; want the published and the latest only", has(first), has(second), has(third))
	}
	if err := w.DeleteFunction(ctx, w.who, "f", 0); err != nil {
		t.Fatal(err)
	}
	if has(first) || has(third) {
		t.Error("code is left after the function is gone")
	}
}

func TestRevisionsAndDryRun(t *testing.T) {
	w := newFunctionWorld(t)
	ctx := t.Context()
	fn := w.mustCreate(t, w.creation(t, "f"))
	code := zipOf(t, "index.py", "new")
	_, err := w.UpdateFunctionCode(ctx, w.who, UpdateFunctionCode{Name: "f", Archive: code, RevisionID: "another"})
	wantError(t, err, cloud.Conflict, cloud.KindFunction, "revision")
	dry, err := w.UpdateFunctionCode(ctx, w.who, UpdateFunctionCode{Name: "f", Archive: code, RevisionID: fn.Latest.RevisionID, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	now, _ := cloud.Functions.Get(w.View(), fn.Key)
	if dry.Latest.CodeDigest == fn.Latest.CodeDigest || now.Latest.CodeDigest != fn.Latest.CodeDigest {
		t.Error("a dry run shows the new code and keeps the old; it did not")
	}
	if _, err := w.UpdateFunctionCode(ctx, w.who, UpdateFunctionCode{Name: "f", Archive: code, RevisionID: fn.Latest.RevisionID}); err != nil {
		t.Fatal(err)
	}
	_, err = w.UpdateFunctionSettings(ctx, w.who, UpdateFunctionSettings{Name: "f", RevisionID: fn.Latest.RevisionID})
	wantError(t, err, cloud.Conflict, cloud.KindFunction, "revision")
}

func TestVersionsAndAliases(t *testing.T) {
	w := newFunctionWorld(t)
	ctx := t.Context()
	fn := w.mustCreate(t, w.creation(t, "f"))
	publish := func() int {
		t.Helper()
		pv, err := w.PublishVersion(ctx, w.who, PublishVersion{Name: "f"})
		if err != nil {
			t.Fatal(err)
		}
		return pv.Version.Number
	}
	if a, b := publish(), publish(); a != 1 || b != 1 {
		t.Errorf("published %d and, with nothing changed, %d; want 1 and 1", a, b)
	}
	if _, err := w.UpdateFunctionSettings(ctx, w.who, UpdateFunctionSettings{Name: "f", Settings: FunctionSettings{Memory: p(256)}}); err != nil {
		t.Fatal(err)
	}
	if n := publish(); n != 2 {
		t.Errorf("published %d after a change, want 2", n)
	}
	tests := []struct {
		name   string
		in     AliasSettings
		kind   cloud.Kind
		res    cloud.Resource
		reason string
	}{
		{"no such version", AliasSettings{Name: "x", Version: p(9)}, cloud.NotFound, cloud.KindVersion, ""},
		{"weights on $LATEST", AliasSettings{Name: "x", Version: p(0), Weights: map[int]float64{1: 0.5}}, cloud.Invalid, cloud.KindAlias, "weights-latest"},
		{"weights on itself", AliasSettings{Name: "x", Version: p(1), Weights: map[int]float64{1: 0.5}}, cloud.Invalid, cloud.KindAlias, "weights-same"},
		{"two others", AliasSettings{Name: "x", Version: p(1), Weights: map[int]float64{2: 0.5, 3: 0.1}}, cloud.Invalid, cloud.KindAlias, "weights-count"},
	}
	for _, tt := range tests {
		tt.in.Function = "f"
		_, err := w.CreateAlias(ctx, w.who, tt.in)
		wantError(t, err, tt.kind, tt.res, tt.reason)
	}
	if _, err := w.CreateAlias(ctx, w.who, AliasSettings{Function: "f", Name: "live", Version: p(1), Weights: map[int]float64{2: 0.25}}); err != nil {
		t.Fatal(err)
	}
	q, err := cloud.Resolve(w.View(), fn.Key, "live")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := q.Pick(0.2).Number, q.Pick(0.25).Number; a != 2 || b != 1 {
		t.Errorf("a quarter goes to version 2, the rest to 1; got %d and %d", a, b)
	}
	wantError(t, w.DeleteFunction(ctx, w.who, "f", 2), cloud.InUse, cloud.KindVersion, "alias")
	if err := w.DeleteAlias(ctx, w.who, "f", "live"); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteFunction(ctx, w.who, "f", 2); err != nil {
		t.Error(err)
	}
}

func TestReservedConcurrencyLeavesSomeToOthers(t *testing.T) {
	w := newFunctionWorld(t)
	w.mustCreate(t, w.creation(t, "a"))
	w.mustCreate(t, w.creation(t, "b"))
	reserve := func(name string, n int) error {
		return w.SetReservedConcurrency(context.Background(), w.who, name, &n, 1000, 100)
	}
	if err := reserve("a", 500); err != nil {
		t.Fatal(err)
	}
	if err := reserve("b", 400); err != nil {
		t.Errorf("exactly 100 stay: %v", err)
	}
	wantError(t, reserve("b", 401), cloud.Limit, cloud.KindFunction, "unreserved-concurrency")
	if _, err := w.PutProvision(t.Context(), w.who, ProvisionSettings{Function: "b", Target: 2}); err != nil {
		t.Fatal(err)
	}
	wantError(t, reserve("b", 1), cloud.Limit, cloud.KindFunction, "provisioned")
	if err := reserve("a", 499); err != nil {
		t.Errorf("lowering one's own: %v", err)
	}
}

func TestSlowStates(t *testing.T) {
	w := newFunctionWorld(t)
	w.opt.SlowStates = true
	w.mustCreate(t, w.creation(t, "f"))
	change := UpdateFunctionSettings{Name: "f", Settings: FunctionSettings{Memory: p(256)}}
	_, err := w.UpdateFunctionSettings(t.Context(), w.who, change)
	wantError(t, err, cloud.Conflict, cloud.KindFunction, "updating")
	w.clock = w.clock.Add(slowFunction)
	if _, err := w.UpdateFunctionSettings(t.Context(), w.who, change); err != nil {
		t.Error(err)
	}
}
