package cloud

// RegistryID is a typed ID.
type RegistryID string

// KindRegistry is a kind of resource.
const KindRegistry Resource = "registry"

// Registry is a registry of container images of an account's own.
type Registry struct {
	Meta
	ID    RegistryID
	Name  string
	Links []RegistryLink
}

// RegistryLink lets a VPC reach a registry by an address in one of its subnets.
type RegistryLink struct {
	VPC    VPCID
	Subnet SubnetID
	// Default: the registry's name leads to this link's address, wherever it is asked
	// for; of a registry's links one at most.
	Default bool
}

// Registries is the table of registries.
var Registries = newTable("registry", func(r *Registry) RegistryID { return r.ID }, index[Registry]{
	"scope": func(r *Registry) []string { return one(r.Scope()) },
})
