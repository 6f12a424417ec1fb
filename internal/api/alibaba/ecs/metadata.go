package ecs

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/resource"
	"weir/internal/cloud"
	"weir/internal/control"
)

// MetadataAddr is where an instance asks about itself.
// https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
var MetadataAddr = netip.MustParseAddrPort("100.100.100.200:80")

// MetadataHeader has the token of a session in which an instance asks.
const MetadataHeader = "X-aliyun-ecs-metadata-token"

// Made tells whether this dialect made an instance.
func Made(i *cloud.Instance) bool { return i.Attrs[attrImage] != "" }

// Metadata is what an instance is told of itself, by path; session issues the
// credentials of its role.
func Metadata(v cloud.View, i *cloud.Instance, session func() (*control.Session, error)) map[string]string {
	out := map[string]string{}
	put := func(path, value string) {
		if value != "" {
			out["meta-data/"+path] = value
		}
	}
	put("instance-id", string(i.ID))
	put("image-id", i.Attrs[attrImage])
	put("instance/instance-type", i.Type)
	put("instance/instance-name", i.Attrs[resource.AttrName])
	put("instance/virtualization-solution", "ECS Virt")
	put("region-id", i.Region)
	put("owner-account-id", access.UID(i.Account))
	put("serial-number", serial(i.ID))
	put("network-type", "vpc")
	put("private-ipv4", i.Addr.String())
	put("vpc-id", string(i.VPC))
	put("vswitch-id", string(i.Subnet))
	put("hostname", "ip-"+strings.ReplaceAll(i.Addr.String(), ".", "-"))
	if len(i.UserData) > 0 {
		out["user-data"] = string(i.UserData)
	}
	zone := interfaceMetadata(v, i, put)
	out["dynamic/instance-identity/document"] = indented(map[string]any{
		"owner-account-id": access.UID(i.Account), "instance-id": i.ID, "instance-type": i.Type, "image-id": i.Attrs[attrImage], "region-id": i.Region, "zone-id": zone,
		"private-ipv4": i.Addr, "serial-number": serial(i.ID), "mac": out["meta-data/mac"],
	})
	if i.Role != "" {
		put("ram/security-credentials/"+i.Role, credentials(session))
	}
	return out
}

// interfaceMetadata tells of an instance's interface and returns its zone.
func interfaceMetadata(v cloud.View, i *cloud.Instance, put func(path, value string)) (zone string) {
	eni, ok := cloud.Interfaces.Get(v, i.Interface)
	if !ok {
		return ""
	}
	at := "network/interfaces/macs/" + eni.MAC + "/"
	put("mac", eni.MAC)
	put(at+"network-interface-id", string(eni.ID))
	put(at+"primary-ip-address", eni.Primary().String())
	put(at+"private-ipv4s", strings.Join(each(eni.Addrs, netip.Addr.String), "\n"))
	put(at+"ipv6s", strings.Join(each(eni.Addrs6, netip.Addr.String), "\n"))
	put(at+"vpc-id", string(eni.VPC))
	put(at+"vswitch-id", string(eni.Subnet))
	if len(eni.Addrs) > 1 {
		put("sub-private-ipv4-list", strings.Join(each(eni.Addrs[1:], netip.Addr.String), "\n"))
	}
	if s, ok := cloud.Subnets.Get(v, eni.Subnet); ok {
		zone = s.Zone
		put("zone-id", zone)
		put("vswitch-cidr-block", s.CIDR.String())
		put(at+"vswitch-cidr-block", s.CIDR.String())
	}
	if vpc, ok := cloud.VPCs.Get(v, eni.VPC); ok && len(vpc.CIDRs) > 0 {
		put("vpc-cidr-block", vpc.CIDRs[0].Prefix.String())
		put(at+"vpc-cidr-block", vpc.CIDRs[0].Prefix.String())
		put("dns-conf/nameservers", strings.Join(each(vpc.Resolvers, netip.Addr.String), "\n"))
	}
	if eni.PublicIP.IsValid() {
		put("public-ipv4", eni.PublicIP.String())
	}
	for e := range cloud.ElasticIPs.By(v, "interface", string(eni.ID)) {
		if e.Private == eni.Primary() {
			put("eipv4", e.Addr.String())
		}
	}
	return zone
}

// credentials are the role's, as clients' credential chains read them.
// https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role
func credentials(session func() (*control.Session, error)) string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05Z")
	s, err := session()
	if err != nil {
		return indented(map[string]string{"Code": "Failed", "Message": err.Error(), "LastUpdated": now})
	}
	return indented(map[string]string{
		"AccessKeyId": s.KeyID, "AccessKeySecret": s.Secret, "SecurityToken": s.Token, "Expiration": s.Expires.UTC().Format("2006-01-02T15:04:05Z"), "LastUpdated": now, "Code": "Success",
	})
}

func indented(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // strings and addresses
	}
	return string(b)
}
