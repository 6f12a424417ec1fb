package clients

import (
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-modifyprefixlist
func TestPrefixLists(t *testing.T) {
	l := newLan(t)
	create := func(family, max string, cidrs ...string) (*sdkecs.CreatePrefixListResponse, error) {
		r := to(l.w, sdkecs.CreateCreatePrefixListRequest())
		var list []sdkecs.CreatePrefixListEntry
		for _, c := range cidrs {
			list = append(list, sdkecs.CreatePrefixListEntry{Cidr: c})
		}
		r.PrefixListName, r.AddressFamily, r.MaxEntries, r.Entry = "clients", family, requests.Integer(max), &list
		return l.ecs.CreatePrefixList(r)
	}
	for _, b := range []struct {
		code, family, max string
		cidrs             []string
	}{
		{"InvalidParameter", "IPv5", "2", nil}, {"InvalidParameter", "IPv4", "0", nil}, {"InvalidParameter", "IPv4", "201", nil},
		{"InvalidParameter", "IPv4", "2", []string{"10.0.0.1/8"}}, {"InvalidParameter", "IPv4", "2", []string{"2001:db8::/32"}},
		{"InvalidParameter", "IPv4", "2", []string{"10.0.0.1/32", "10.0.0.1"}}, {"PrefixListEntryLimitExceeded", "IPv4", "1", []string{"10.0.0.1", "10.0.0.2"}},
	} {
		refused(create(b.family, b.max, b.cidrs...))(t, 400, b.code)
	}
	id := ok(create("IPv4", "2", "10.0.0.0/8", "192.168.1.1"))(t).PrefixListId
	edit := func(add, remove string) (*sdkecs.ModifyPrefixListResponse, error) {
		r := to(l.w, sdkecs.CreateModifyPrefixListRequest())
		r.PrefixListId, r.Description = id, "who may"
		if add != "" {
			r.AddEntry = &[]sdkecs.ModifyPrefixListAddEntry{{Cidr: add}}
		}
		if remove != "" {
			r.RemoveEntry = &[]sdkecs.ModifyPrefixListRemoveEntry{{Cidr: remove}}
		}
		return l.ecs.ModifyPrefixList(r)
	}
	refused(edit("10.2.0.0/16", ""))(t, 400, "PrefixListEntryLimitExceeded")
	refused(edit("", "10.2.0.0/16"))(t, 400, "InvalidPrefixListEntry.NotFound")
	refused(edit("10.0.0.0/8", "10.0.0.0/8"))(t, 400, "InvalidParameter")
	ok(edit("10.2.0.0/16", "10.0.0.0/8"))(t)
	attr := to(l.w, sdkecs.CreateDescribePrefixListAttributesRequest())
	attr.PrefixListId = id
	got := ok(l.ecs.DescribePrefixListAttributes(attr))(t)
	if e := got.Entries.Entry; len(e) != 2 || e[0].Cidr != "10.2.0.0/16" || e[1].Cidr != "192.168.1.1/32" || got.Description != "who may" {
		t.Errorf("list: %+v", got)
	}
	rule := to(l.w, sdkecs.CreateAuthorizeSecurityGroupRequest())
	rule.SecurityGroupId, rule.Permissions = l.group, &[]sdkecs.AuthorizeSecurityGroupPermissions{{IpProtocol: "ALL", PortRange: "-1/-1", SourcePrefixListId: "pl-none"}}
	refused(l.ecs.AuthorizeSecurityGroup(rule))(t, 404, "InvalidPrefixListId.NotFound")
	(*rule.Permissions)[0].SourcePrefixListId = id
	ok(l.ecs.AuthorizeSecurityGroup(rule))(t)
	list := ok(l.ecs.DescribePrefixLists(to(l.w, sdkecs.CreateDescribePrefixListsRequest())))(t).PrefixLists.PrefixList
	if len(list) != 1 || list[0].AssociationCount != 1 {
		t.Errorf("lists: %+v", list)
	}
	as := to(l.w, sdkecs.CreateDescribePrefixListAssociationsRequest())
	as.PrefixListId = id
	if got := ok(l.ecs.DescribePrefixListAssociations(as))(t).PrefixListAssociations.PrefixListAssociation; len(got) != 1 || got[0].ResourceId != l.group || got[0].ResourceType != "securitygroup" {
		t.Errorf("associations: %+v", got)
	}
	gone := to(l.w, sdkecs.CreateDeletePrefixListRequest())
	gone.PrefixListId = id
	refused(l.ecs.DeletePrefixList(gone))(t, 400, "DependencyViolation.SecurityGroup")
}
