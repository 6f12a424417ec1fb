package ec2

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/internal/cloud"
)

// elsewhere are control's files whose refusals others put into words: the
// functions' service, Weir's own API, and what only the other dialect asks for.
var elsewhere = []string{
	"blueprint.go",
	"endpointoffer.go",
	"functionaccess.go",
	"functionnetwork.go",
	"functionopen.go",
	"gatewaydormant.go",
	"host.go",
	"nataddress.go",
	"natforward.go",
	"peeringdirect.go",
	"registry.go",
	"transitdomain.go",
	"transitgrant.go",
}

// refusals are the neutral errors that control's source can return for the
// kinds of resource that this API shows, with where.
func refusals(t *testing.T) map[fault]string {
	t.Helper()
	fset := token.NewFileSet()
	files, err := filepath.Glob("../../../control/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of control: %v", err)
	}
	found := map[fault]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(elsewhere, filepath.Base(name)) {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := refusal(call); ok {
				found[f] = fset.Position(call.Pos()).String()
			}
			return true
		})
	}
	return found
}

// refusal reads a call of cloud.Errorf or of one of control's helpers around it.
func refusal(call *ast.CallExpr) (fault, bool) {
	arg := func(i int) ast.Expr { return call.Args[i] }
	var f fault
	switch called(call) {
	case "cloud.Errorf":
		f = fault{kinds[selected(arg(0))], resources[selected(arg(1))], literal(arg(3))}
	case "within":
		f = fault{cloud.Limit, resources[selected(arg(2))], literal(arg(4))}
	case "otherVPC":
		f = fault{cloud.Conflict, resources[selected(arg(0))], "many-vpcs"}
	case "absent":
		f = fault{cloud.NotFound, resources[selected(arg(0))], ""}
	case "find":
		f = fault{cloud.NotFound, resources[selected(arg(3))], ""}
	}
	return f, f.resource != ""
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if pkg, ok := f.X.(*ast.Ident); ok {
			return pkg.Name + "." + f.Sel.Name
		}
	}
	return ""
}

func selected(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return "not a literal"
}

var kinds = map[string]cloud.Kind{
	"Malformed": cloud.Malformed, "Invalid": cloud.Invalid, "Missing": cloud.Missing, "NotFound": cloud.NotFound, "Exists": cloud.Exists,
	"Conflict": cloud.Conflict, "InUse": cloud.InUse, "Limit": cloud.Limit, "Exhausted": cloud.Exhausted, "Denied": cloud.Denied,
	"State": cloud.State, "Unsupported": cloud.Unsupported, "Unavailable": cloud.Unavailable,
}

var resources = map[string]cloud.Resource{
	"KindVPC": cloud.KindVPC, "KindVPCCIDR": cloud.KindVPCCIDR, "KindSubnet": cloud.KindSubnet, "KindSubnetCIDR": cloud.KindSubnetCIDR,
	"KindRouteTable": cloud.KindRouteTable, "KindRoute": cloud.KindRoute, "KindAssociation": cloud.KindAssociation,
	"KindInternetGateway": cloud.KindInternetGateway, "KindEgressOnlyGateway": cloud.KindEgressOnlyGateway, "KindNATGateway": cloud.KindNATGateway,
	"KindElasticIP": cloud.KindElasticIP, "KindAddressAssoc": cloud.KindAddressAssoc, "KindSecurityGroup": cloud.KindSecurityGroup,
	"KindSecurityGroupRule": cloud.KindSecurityGroupRule, "KindNetworkACL": cloud.KindNetworkACL, "KindACLAssociation": cloud.KindACLAssociation,
	"KindInterface": cloud.KindInterface, "KindAttachment": cloud.KindAttachment, "KindDHCPOptions": cloud.KindDHCPOptions,
	"KindPrefixList": cloud.KindPrefixList, "KindEndpoint": cloud.KindEndpoint, "KindZone": cloud.KindZone, "KindTag": cloud.KindTag,
	"KindToken": cloud.KindToken, "KindInstance": cloud.KindInstance,
	"KindPeering": cloud.KindPeering, "KindEndpointService": cloud.KindEndpointService, "KindInsightsPath": cloud.KindInsightsPath, "KindInsightsAnalysis": cloud.KindInsightsAnalysis, "KindFlowLog": cloud.KindFlowLog,
	"KindTransitRouter": cloud.KindTransitRouter, "KindTransitAttachment": cloud.KindTransitAttachment, "KindTransitTable": cloud.KindTransitTable, "KindTransitRoute": cloud.KindTransitRoute,
}

// TestFaultsAreTotal: whatever control refuses has Amazon's code, and the table
// has nothing that control never says.
func TestFaultsAreTotal(t *testing.T) {
	found := refusals(t)
	if len(found) < 80 {
		t.Fatalf("only %d refusals found in control: the reader of its source is broken", len(found))
	}
	for f, where := range found {
		e := &cloud.Error{Kind: f.kind, Resource: f.resource, Reason: f.reason, ID: "x", Msg: "m"}
		if w := mapError(e); w == nil || w.Code == "" || w.Msg == "" {
			t.Errorf("%s: %v has no code in this API", where, f)
		}
	}
	for f := range faults {
		if _, ok := found[f]; !ok {
			t.Errorf("control never refuses with %v", f)
		}
	}
}

func TestIDs(t *testing.T) {
	for kind, prefix := range idPrefixes {
		id := NewID(kind)
		if !strings.HasPrefix(id, prefix+"-0") || len(id) != len(prefix)+18 || !wellFormed(kind, id) {
			t.Errorf("new ID of a %s: %s", kind, id)
		}
		if k, ok := kindOf(id); !ok || k != kind {
			t.Errorf("kind of %s: %s, want %s", id, k, kind)
		}
	}
	a, b := seededID("1/us-east-1"), seededID("1/us-east-1")
	first := a(cloud.KindSubnet)
	if first != b(cloud.KindSubnet) || first == a(cloud.KindSubnet) || first == seededID("2/us-east-1")(cloud.KindSubnet) {
		t.Error("seeded IDs must follow from the seed and differ within it")
	}
	for _, id := range []string{"", "vpc", "vpc-", "vpc-12345", "vpc-1234567g", "VPC-12345678", "subnet-12345678", "vpc-0123456789abcdef01"} {
		if wellFormed(cloud.KindVPC, id) {
			t.Errorf("%q passes for the ID of a VPC", id)
		}
	}
}
