package wire

// Protocol is how a service puts calls on the wire.
type Protocol string

// Protocols.
const (
	EC2Query Protocol = "ec2"
	Query    Protocol = "query"
	JSON     Protocol = "json"
	RESTJSON Protocol = "rest-json"
	RESTXML  Protocol = "rest-xml"
	S3       Protocol = "s3"  // Amazon S3's REST: a call is no operation
	RPC      Protocol = "rpc" // Alibaba Cloud's: parameters in, JSON or XML out
	ROA      Protocol = "roa" // Alibaba Cloud's: paths and JSON
)

// Dialect is whose API a call speaks.
type Dialect string

// Dialects.
const (
	AWS     Dialect = "aws"
	Alibaba Dialect = "alibaba"
)

// Dialect returns the dialect that has the protocol.
func (p Protocol) Dialect() Dialect {
	if p == RPC || p == ROA {
		return Alibaba
	}
	return AWS
}

// Spec describes one service of one dialect; tools/gen writes it from the vendor's model.
type Spec struct {
	Name         string   // as in the signature's scope: "ec2"
	ID           string   // "CloudWatch Logs"; of Alibaba Cloud's, the product: "Vpc"
	Hosts        []string // Alibaba Cloud: labels of host names that stand for the service; nil is Name
	Version      string
	Protocol     Protocol
	Namespace    string // XML
	TargetPrefix string // JSON: X-Amz-Target is "<prefix>.<operation>"
	JSONVersion  string
	Operations   []Operation // all of them, whether implemented or not
	Errors       map[string]ErrorSpec
	Codes        map[Trouble]string  // where they differ from the protocol's usual ones
	Log          bool                // Alibaba Cloud: Log Service's way of ROA
	Patterns     map[string]string   // shape → regular expression
	Enums        map[string][]string // Go type → its values
}

// Operation is one entry of a service's model.
type Operation struct {
	Name   string
	Method string // REST only, as is Path: "/2015-03-31/functions/{FunctionName}"
	Path   string
	Status int    // of success; 0 is 200
	NoAuth bool   // may be called without a signature
	Root   string // REST-XML only: the element of the answer; "" if it has no body
	Result bool   // Query only: the answer has a result, though an empty one
}

// ErrorSpec tells how an error code travels.
type ErrorSpec struct {
	Status  int
	Message string // member that carries the message; "" is "message"
	Type    bool   // has a member Type: "User" or "Service"
}

// Events is the body of a streaming answer: the codec calls it with a function
// that sends one event, a pointer to a structure with exactly one member set.
type Events func(send func(event any) error) error
