package resource

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Acts says what the calls of a product act on, as policies name it.
type Acts struct {
	// Product is its name in ARNs. A Global one's ARNs have no region.
	Product string
	Global  bool
	// Named are the parameters that name resources.
	Named []Named
	// Own are parts of operations' names by what the operation is about, the first
	// that is in the name; "" is nothing of the account's.
	Own []Part
	// Types are those of ARNs as operations on tags call them, in lower case.
	Types map[string]string
	// Makes are operations that make something, beside those that begin with Create.
	Makes []string
	// More are further targets of a call.
	More func(call *wire.Call, in any) []access.Target
}

// Named is a parameter with the ID of a resource, several, or a JSON list of them.
type Named struct {
	Field, Type string // of the input (LIST.FIELD of a list of structures), of ARNs
	Product     string // in ARNs, if another's
	Own         bool   // only counts in operations that are about this type
	// Of finds, when the parameter names a part of a resource, the resource's ID.
	Of func(v cloud.View, id string) string
}

// Part is a part of operations' names.
type Part struct{ Name, Type string }

// own is the type of what an operation is about.
func (a Acts) own(operation string) string {
	for _, p := range a.Own {
		if strings.Contains(operation, p.Name) {
			return p.Type
		}
	}
	return ""
}

func (a Acts) makes(operation string) bool {
	for _, m := range a.Makes {
		if operation == m {
			return true
		}
	}
	return strings.HasPrefix(operation, "Create")
}

func lists(operation string) bool {
	return strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Get")
}

// Targets lists what a call acts on: a list on what is listed, anything else on
// all that it names, and on what it makes. Each is in its own resource group, or,
// when it is made, in the one that the call names.
func (a Acts) Targets(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		t := targets{Acts: a, call: call, view: c.View(), group: access.Text(in, "ResourceGroupId")}
		own, told := a.own(call.Operation), false
		for _, n := range a.Named {
			if (n.Own || lists(call.Operation)) && n.Type != own {
				continue
			}
			for _, id := range values(in, n.Field) {
				if n.Of != nil {
					id = n.Of(t.view, id)
				}
				t.add(n, id)
				told = told || n.Type == own
			}
		}
		if a.More != nil {
			t.list = append(t.list, a.More(call, in)...)
		}
		switch kind := a.Types[strings.ToLower(access.Text(in, "ResourceType"))]; {
		case kind != "":
			ids := values(in, "ResourceId")
			if len(ids) == 0 {
				ids = []string{"*"}
			}
			for _, id := range ids {
				t.add(Named{Type: kind}, id)
				t.moves(access.Text(in, "NewResourceGroupId"))
				if call.Operation == "JoinResourceGroup" {
					t.moves(t.group)
				}
			}
		case own != "" && !told && (a.makes(call.Operation) || len(t.list) == 0):
			if t.group == "" && len(t.list) > 0 {
				t.group = t.list[0].Group // a part is where its whole is
			}
			t.add(Named{Type: own}, "*")
		case len(t.list) == 0:
			t.list = []access.Target{{Action: access.Action(call), ARN: "*", Group: t.group}}
		}
		return t.list
	}
}

type targets struct {
	Acts
	call  *wire.Call
	view  cloud.View
	group string // that the call names
	list  []access.Target
}

func (t *targets) add(n Named, id string) {
	product, region, group := t.Product, t.call.Region, t.group
	if n.Product != "" {
		product = n.Product
	}
	if t.Global && n.Product == "" {
		region = "*"
	}
	is := id
	if s, ok := cloud.Subnets.Get(t.view, cloud.SubnetID(id)); ok {
		is = string(s.VPC) // a vSwitch is where its VPC is
	}
	if m := control.MetaOf(t.view, is); m != nil && m.Account == t.call.Account {
		group = Group(m)
	}
	arn := strings.Join([]string{"acs", product, region, access.UID(t.call.Account), n.Type + "/" + id}, ":")
	t.list = append(t.list, access.Target{Action: access.Action(t.call), ARN: arn, Group: group})
}

// moves says that the last target goes into a resource group: whoever moves it
// must be allowed to in either.
func (t *targets) moves(group string) {
	if group != "" {
		last := t.list[len(t.list)-1]
		last.Group = group
		t.list = append(t.list, last)
	}
}

// values are those of a parameter: a string, a list of them, a JSON array of them,
// or a field of each structure of a list, once.
func values(in any, field string) (all []string) {
	list, of, nested := strings.Cut(field, ".")
	v := reflect.Indirect(reflect.ValueOf(in)).FieldByName(list)
	if !v.IsValid() {
		return nil
	}
	if nested {
		for i := range v.Len() {
			for _, id := range values(v.Index(i).Interface(), of) {
				if !slices.Contains(all, id) {
					all = append(all, id)
				}
			}
		}
		return all
	}
	switch p := v.Interface().(type) {
	case []string:
		return p
	case *string:
		var list []string
		if json.Unmarshal([]byte(Text(p)), &list) == nil {
			return list
		}
		if Text(p) != "" {
			return []string{*p}
		}
	}
	return nil
}
