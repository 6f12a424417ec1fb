package ec2

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"weir/internal/cloud"
)

// idPrefixes are how the IDs of each kind begin.
var idPrefixes = map[cloud.Resource]string{
	cloud.KindVPC:               "vpc",
	cloud.KindVPCCIDR:           "vpc-cidr-assoc",
	cloud.KindSubnet:            "subnet",
	cloud.KindSubnetCIDR:        "subnet-cidr-assoc",
	cloud.KindRouteTable:        "rtb",
	cloud.KindAssociation:       "rtbassoc",
	cloud.KindInternetGateway:   "igw",
	cloud.KindEgressOnlyGateway: "eigw",
	cloud.KindNATGateway:        "nat",
	cloud.KindElasticIP:         "eipalloc",
	cloud.KindAddressAssoc:      "eipassoc",
	cloud.KindSecurityGroup:     "sg",
	cloud.KindSecurityGroupRule: "sgr",
	cloud.KindNetworkACL:        "acl",
	cloud.KindACLAssociation:    "aclassoc",
	cloud.KindInterface:         "eni",
	cloud.KindAttachment:        "eni-attach",
	cloud.KindDHCPOptions:       "dopt",
	cloud.KindPrefixList:        "pl",
	cloud.KindEndpoint:          "vpce",
	cloud.KindEndpointService:   "vpce-svc",
	cloud.KindInstance:          "i",
	cloud.KindReservation:       "r",
	cloud.KindPeering:           "pcx",
	cloud.KindTransitRouter:     "tgw",
	cloud.KindTransitAttachment: "tgw-attach",
	cloud.KindTransitTable:      "tgw-rtb",
	cloud.KindInsightsPath:      "nip",
	cloud.KindInsightsAnalysis:  "nia",
	cloud.KindFlowLog:           "fl",
}

// NewID makes an ID in Amazon's form for a new resource: a prefix and 17 digits.
func NewID(kind cloud.Resource) string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return formID(kind, b[:])
}

func formID(kind cloud.Resource, b []byte) string {
	prefix, ok := idPrefixes[kind]
	if !ok {
		panic("ec2: a " + string(kind) + " has no ID of this API")
	}
	return prefix + "-0" + hex.EncodeToString(b[:8])
}

// seededID answers the same IDs in the same order for the same seed.
func seededID(seed string) func(cloud.Resource) string {
	made := map[cloud.Resource]int{}
	return func(kind cloud.Resource) string {
		made[kind]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", seed, kind, made[kind]))
		return formID(kind, sum[:])
	}
}

var idDigits = regexp.MustCompile(`^[0-9a-f]{8}([0-9a-f]{9})?$`)

// otherForm is that of IDs that the account's other dialect gave.
var otherForm = regexp.MustCompile(`^[a-z0-9]+-bp1[a-z0-9]{18}$`)

// wellFormed reports whether id has the form of an ID of this kind, or of the
// other dialect's. Kinds of which this API knows no form take anything.
func wellFormed(kind cloud.Resource, id string) bool {
	prefix, ok := idPrefixes[kind]
	if !ok || otherForm.MatchString(id) {
		return true
	}
	digits, ok := strings.CutPrefix(id, prefix+"-")
	return ok && idDigits.MatchString(digits)
}

// kindOf is the kind of resource that an ID is for.
func kindOf(id string) (cloud.Resource, bool) {
	i := strings.LastIndex(id, "-")
	if i < 0 || !idDigits.MatchString(id[i+1:]) {
		return "", false
	}
	for kind, prefix := range idPrefixes {
		if id[:i] == prefix {
			return kind, true
		}
	}
	return "", false
}
