package cloud

// EndpointServiceID is a typed ID.
type EndpointServiceID string

// KindEndpointService is a kind of resource.
const KindEndpointService Resource = "vpc-endpoint-service"

// EndpointService offers load balancers to endpoints in other VPCs.
type EndpointService struct {
	Meta
	ID         EndpointServiceID
	Name       string // that endpoints ask for
	Balancers  []LoadBalancerID
	Zones      []string // of the balancers', that endpoints may be in; none is all
	Acceptance bool     // the owner accepts each endpoint
	// Principals are who may make endpoints, in the dialect's names; the owner's account always may.
	Principals  []string
	PrivateName string // a name that endpoints may have lead to themselves
	IPv6        bool   // endpoints may have IPv6 addresses
}

// Consent is what a service's owner says to an endpoint.
type Consent string

// What an owner may say.
const (
	ConsentPending  Consent = "pending"
	ConsentGiven    Consent = "given"
	ConsentRefused  Consent = "refused"
	ConsentNotAsked Consent = "" // a service of the platform asks nobody
)

// Open reports whether the endpoint's owner and its service's have agreed.
func (e *Endpoint) Open() bool { return e.Consent == ConsentGiven || e.Consent == ConsentNotAsked }

// EndpointServices is the table of endpoint services.
var EndpointServices = newTable("endpoint-service", func(r *EndpointService) EndpointServiceID { return r.ID }, index[EndpointService]{
	"scope":    func(r *EndpointService) []string { return one(r.Scope()) },
	"balancer": func(r *EndpointService) []string { return strs(r.Balancers) },
})
