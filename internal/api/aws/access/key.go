package access

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"weir/internal/api/wire"
	"weir/internal/cloud"
)

// Keys are the condition keys of a call.
type Keys = map[string][]string

// global are services whose calls count as made in one region.
var global = map[string]string{"iam": "us-east-1"}

var principalTypes = map[cloud.PrincipalKind]string{
	cloud.PrincipalRoot: "Account", cloud.PrincipalUser: "User", cloud.PrincipalSession: "AssumedRole",
	cloud.PrincipalFederated: "FederatedUser", cloud.PrincipalService: "Service",
}

// Keys are the global condition keys of a call, and those of the tags in its input.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (a *Authorizer) Keys(call *wire.Call, in any) Keys {
	k := a.principalKeys(call.Principal)
	now := a.now().UTC()
	k["aws:CurrentTime"] = []string{now.Format(time.RFC3339)}
	k["aws:EpochTime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	k["aws:SecureTransport"] = []string{strconv.FormatBool(call.TLS)}
	k["aws:ViaAWSService"] = []string{"false"}
	k["aws:RequestedRegion"] = []string{call.Region}
	if r, ok := global[call.Service]; ok {
		k["aws:RequestedRegion"] = []string{r}
	}
	if call.Source.IsValid() {
		// Inside a VPC addresses are the owner's choice and prove nothing elsewhere.
		source := "aws:SourceIp"
		if call.Endpoint != "" {
			source = "aws:VpcSourceIp"
		}
		k[source] = []string{call.Source.String()}
	}
	if call.VPC != "" && call.Endpoint != "" {
		k["aws:SourceVpc"] = []string{string(call.VPC)}
	}
	if call.Endpoint != "" {
		k["aws:SourceVpce"] = []string{string(call.Endpoint)}
	}
	requestTags(k, in)
	return k
}

// principalKeys are the properties of the principal.
func (a *Authorizer) principalKeys(p cloud.Principal) Keys {
	if p.Kind == "" {
		return Keys{"aws:PrincipalAccount": {"anonymous"}, "aws:PrincipalType": {"Anonymous"}, "aws:userid": {"anonymous"}}
	}
	k := Keys{
		"aws:PrincipalAccount":      {p.Account},
		"aws:PrincipalArn":          {ARN(p)},
		"aws:PrincipalType":         {principalTypes[p.Kind]},
		"aws:PrincipalIsAWSService": {strconv.FormatBool(p.Kind == cloud.PrincipalService)},
		"aws:userid":                {p.ID},
	}
	v, key := a.control.View(), cloud.AccountKey(p.Account, p.Name)
	tags := map[string]string{}
	switch p.Kind {
	case cloud.PrincipalUser:
		k["aws:username"] = []string{p.Name}
		if u, ok := cloud.Users.Get(v, key); ok {
			maps.Copy(tags, u.Tags)
		}
	case cloud.PrincipalSession:
		k["aws:PrincipalArn"] = []string{RoleARN(p)}
		if r, ok := cloud.Roles.Get(v, key); ok {
			maps.Copy(tags, r.Tags)
		}
	}
	maps.Copy(tags, p.Tags)
	addTags(k, "aws:PrincipalTag/", tags)
	if p.Temporary {
		k["aws:TokenIssueTime"] = []string{p.Issued.UTC().Format(time.RFC3339)}
		k["aws:MultiFactorAuthPresent"] = []string{"false"}
	}
	if p.SourceIdentity != "" {
		k["aws:SourceIdentity"] = []string{p.SourceIdentity}
	}
	return k
}

func addTags(k Keys, prefix string, tags map[string]string) {
	for name, value := range tags {
		k[prefix+name] = []string{value}
	}
}

// ResourceTags are the condition keys of a resource's tags; own is the service's
// name for the same, such as "ec2", or "".
func ResourceTags(tags map[string]string, own string) Keys {
	k := Keys{}
	addTags(k, "aws:ResourceTag/", tags)
	if own != "" {
		addTags(k, own+":ResourceTag/", tags)
	}
	return k
}

// requestTags adds the tags that a call brings (Tags, TagSpecifications) or names (TagKeys).
func requestTags(k Keys, in any) {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return
	}
	names := []string{}
	add := func(name, value string) {
		k["aws:RequestTag/"+name] = []string{value}
		names = append(names, name)
	}
	brought(v.FieldByName("Tags"), add)
	if specs := v.FieldByName("TagSpecifications"); specs.IsValid() && specs.Kind() == reflect.Slice {
		for i := range specs.Len() {
			brought(specs.Index(i).FieldByName("Tags"), add)
		}
	}
	if f := v.FieldByName("TagKeys"); f.IsValid() {
		if keys, ok := f.Interface().([]string); ok {
			names = append(names, keys...)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		k["aws:TagKeys"] = slices.Compact(names)
	}
}

// brought calls add with every tag of a map or of a list of Key and Value.
func brought(tags reflect.Value, add func(name, value string)) {
	if !tags.IsValid() {
		return
	}
	if m, ok := tags.Interface().(map[string]string); ok {
		for name, value := range m {
			add(name, value)
		}
		return
	}
	if tags.Kind() != reflect.Slice || tags.Type().Elem().Kind() != reflect.Struct {
		return
	}
	for i := range tags.Len() {
		name, value := pointed(tags.Index(i), "Key"), pointed(tags.Index(i), "Value")
		if name != nil {
			if value == nil {
				value = new(string)
			}
			add(*name, *value)
		}
	}
}

// pointed is a string member of a generated structure; nil if it has none.
func pointed(v reflect.Value, field string) *string {
	f := v.FieldByName(field)
	if !f.IsValid() {
		return nil
	}
	p, _ := f.Interface().(*string)
	return p
}

// Text is a string member of an operation's input; "" if it has none.
func Text(in any, field string) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return ""
	}
	if p := pointed(v, field); p != nil {
		return *p
	}
	return ""
}
