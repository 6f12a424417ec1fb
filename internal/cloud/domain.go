package cloud

import "time"

// KindDomain is a Domain.
const KindDomain Resource = "domain"

// Domain is a name of the internet whose paths lead to functions.
type Domain struct {
	Meta
	Name        string // in lower case; unique among all accounts
	HTTP, HTTPS bool   // what it is reached by
	Certificate string // PEM, with its chain; "": the platform's own authority certifies it
	PrivateKey  string // PEM
	Anonymous   bool   // else requests must be signed by who may invoke the function
	CORS        *CORS
	Routes      []DomainRoute
	Modified    time.Time
}

// DomainRoute leads paths of a Domain to a function.
type DomainRoute struct {
	Path      string // "/*" at its end stands for all below
	Function  FunctionKey
	Qualifier string   // "" is $LATEST
	Methods   []string // none: all
	Rewrites  []Rewrite
}

// Rewrite makes another path of one that matches a regular expression.
type Rewrite struct {
	Match       string
	Replacement string // with $1 for what the first group matched
}

// CORS says which pages of other sites may use a server.
// https://fetch.spec.whatwg.org/#http-cors-protocol
type CORS struct {
	Origins, Methods, Headers, Expose []string // "*" is any
	Credentials                       bool
	MaxAge                            int // seconds
}

// Domains are all of them.
var Domains = newTable("domain", func(r *Domain) string { return r.Name }, index[Domain]{
	"scope": func(r *Domain) []string { return one(r.Scope()) },
})
