package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"weir/internal/control"
)

// endpointService is a service of Amazon's that endpoints reach.
type endpointService struct {
	name string // com.amazonaws.us-east-1.lambda
	api  string // as requests for it are signed
	kind ServiceType
	// host is the domain of the service's name: the last of privateNames' and of
	// the endpoints' own names.
	host         string
	privateNames []string
	wildcard     bool // endpoints' own names stand for names below them
	policies     bool
}

// endpointServices are those that Weir implements, in a region.
// https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
func endpointServices(region string) []endpointService {
	suffix := "." + region + ".amazonaws.com"
	regional := func(name string, more ...string) endpointService {
		return endpointService{
			name: "com.amazonaws." + region + "." + name, api: name, kind: ServiceTypeInterface, policies: true,
			host: name + "." + region, privateNames: append([]string{name + suffix}, more...),
		}
	}
	newer := func(name string) string { return name + "." + region + ".api.aws" }
	s3 := regional("s3", "*.s3"+suffix)
	s3.wildcard = true
	out := []endpointService{
		regional("ec2", newer("ec2")), regional("lambda", newer("lambda")), regional("logs", newer("logs")), s3, regional("sts"),
	}
	for _, name := range []string{"dynamodb", "s3"} {
		g := regional(name)
		g.kind, g.privateNames = ServiceTypeGateway, nil
		out = append(out, g)
	}
	if region == "us-east-1" { // IAM's control plane is there, for all regions
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_interface_vpc_endpoints.html
		out = append(out, endpointService{
			name: "com.amazonaws.iam", api: "iam", kind: ServiceTypeInterface, host: "iam", privateNames: []string{"iam.amazonaws.com", "iam.global.api.aws"}, policies: true,
		})
	}
	slices.SortFunc(out, func(a, b endpointService) int { return strings.Compare(a.name+string(a.kind), b.name+string(b.kind)) })
	return out
}

// findEndpointService finds a service by its name and the type of its endpoints.
func findEndpointService(region, name string, kind ServiceType) (endpointService, bool) {
	all := endpointServices(region)
	i := slices.IndexFunc(all, func(s endpointService) bool { return s.name == name && s.kind == kind })
	if i < 0 {
		return endpointService{}, false
	}
	return all[i], true
}

// domain is what the own names of the service's endpoints end with.
func (s endpointService) domain(region string) string {
	if s.host == "iam" {
		return "iam." + region + ".vpce.amazonaws.com"
	}
	return s.host + ".vpce.amazonaws.com"
}

func serviceShape(s endpointService, region control.RegionInfo) ServiceDetail {
	sum := sha256.Sum256([]byte("service " + s.name + string(s.kind)))
	out := ServiceDetail{
		ServiceName: new(s.name), ServiceId: new("vpce-svc-0" + hex.EncodeToString(sum[:8])), ServiceRegion: new(region.Name), Owner: new("amazon"),
		ServiceType: []ServiceTypeDetail{{ServiceType: s.kind}}, BaseEndpointDnsNames: []string{s.domain(region.Name)},
		AcceptanceRequired: new(false), ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(s.policies),
		SupportedIpAddressTypes: []ServiceConnectivityType{ServiceConnectivityTypeIpv4},
	}
	if s.kind == ServiceTypeGateway {
		out.BaseEndpointDnsNames = []string{s.host + ".amazonaws.com"}
	} else {
		out.SupportedIpAddressTypes = append(out.SupportedIpAddressTypes, ServiceConnectivityTypeIpv6)
	}
	for _, z := range region.Zones {
		out.AvailabilityZones, out.AvailabilityZoneIds = append(out.AvailabilityZones, z.Name), append(out.AvailabilityZoneIds, z.ID)
	}
	for n, name := range s.privateNames {
		if n == 0 {
			out.PrivateDnsName, out.PrivateDnsNameVerificationState = new(name), DnsNameStateVerified
		}
		out.PrivateDnsNames = append(out.PrivateDnsNames, PrivateDnsDetails{PrivateDnsName: new(name)})
	}
	return out
}
