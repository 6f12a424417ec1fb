package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"weir/internal/api/aws/ec2"
	"weir/internal/cloud"
	"weir/internal/reach"
)

// question is what POST /_weir/why is asked.
type question struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	Port     int          `json:"port"`
	Protocol string       `json:"protocol"` // tcp, udp, icmp
	Region   string       `json:"region"`
	With     []ec2.Change `json:"with,omitempty"` // judged as if they were made
}

// verdict is its answer.
type verdict struct {
	Reachable bool   `json:"reachable"`
	Delivered bool   `json:"delivered"` // the packet arrives, whatever becomes of the answer
	Source    string `json:"source"`
	Address   string `json:"address"` // that was asked about
	Code      string `json:"code,omitempty"`
	Stage     string `json:"stage,omitempty"`
	Text      string `json:"text"`
	Path      []step `json:"path"`
	Reply     []step `json:"reply"`
	Blame     []step `json:"blame"`
	// Now is the verdict without the changes, if there are any.
	Now *verdict `json:"now,omitempty"`
}

// step is a resource on a path.
type step struct {
	cloud.Ref
	Note string `json:"note,omitempty"`
}

// unreachable is the exit status of `why` that says no.
const unreachable = exitStatus(3)

const whyHelp = `usage: weir why SRC DST[:PORT] [flags]
  SRC: eni-…, a function's name, a private address, or internet
  DST: an address, a name, eni-…, a function's name, or internet

Exit status 0 is reachable, 3 is not reachable, 1 and 2 are errors.

With -with FILE the question is judged as if the changes in FILE were made; none
is. FILE is a list of EC2 operations, in the words of the API and in order:
  [{"AllocateAddress": {}, "as": "eip"},
   {"CreateNatGateway": {"SubnetId": "subnet-…", "AllocationId": "${eip.AllocationId}"}, "as": "nat"},
   {"CreateRoute": {"RouteTableId": "rtb-…", "DestinationCidrBlock": "0.0.0.0/0",
                    "NatGatewayId": "${nat.NatGateway.NatGatewayId}"}}]
`

// why asks the analyser about one flow.
func why(ctx context.Context, e env, args []string) error {
	var q question
	var with string
	fs := flags(e, "why", whyHelp)
	addr := addrFlag(fs)
	fs.StringVar(&q.Protocol, "protocol", "tcp", "tcp, udp or icmp")
	fs.StringVar(&q.Region, "region", "", "region of names and addresses (default: the daemon's)")
	fs.StringVar(&with, "with", "", "file of changes to assume; - is standard input")
	asJSON := fs.Bool("json", false, "print the whole answer as JSON")
	ends, err := parseWords(fs, args, 2, 2)
	if err != nil {
		return err
	}
	if q.From, q.To, q.Port, err = sourceAndTarget(ends); err != nil {
		return err
	}
	if q.With, err = readChanges(e, with); err != nil {
		return err
	}
	var v verdict
	if err := newClient(*addr).call(ctx, http.MethodPost, "/_weir/why", q, &v); err != nil {
		return err
	}
	if *asJSON {
		if err := printJSON(e.stdout, v); err != nil {
			return err
		}
	} else {
		v.print(e.stdout)
	}
	if !v.Reachable {
		return unreachable
	}
	return nil
}

// sourceAndTarget reads SRC and DST[:PORT].
func sourceAndTarget(args []string) (from, to string, port int, err error) {
	host, text, ok := cutPort(args[1])
	if !ok {
		return args[0], host, 443, nil
	}
	if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
		return "", "", 0, fmt.Errorf("%q is no port", text)
	}
	return args[0], host, port, nil
}

// cutPort splits host:port; an IPv6 address needs brackets to have a port.
func cutPort(s string) (host, port string, ok bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().String(), strconv.Itoa(int(a.Port())), true
	}
	if strings.Count(s, ":") != 1 {
		return s, "", false
	}
	return strings.Cut(s, ":")
}

// readChanges reads the file of -with.
func readChanges(e env, name string) ([]ec2.Change, error) {
	var b []byte
	var err error
	switch name {
	case "":
		return nil, nil
	case "-":
		b, err = io.ReadAll(e.stdin)
	default:
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the changes: %w", err)
	}
	var changes []ec2.Change
	if err := json.Unmarshal(b, &changes); err != nil {
		return nil, fmt.Errorf("%s is no list of changes (`weir why -h` shows one): %w", name, err)
	}
	return changes, nil
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

func (v *verdict) print(w io.Writer) {
	printSteps(w, v.Path)
	if len(v.Reply) > 0 {
		fmt.Fprintln(w, "and the answer")
		printSteps(w, v.Reply)
	}
	if v.Now != nil {
		fmt.Fprintf(w, "now: %s\nwith the changes: %s\n", v.Now.word(), v.word())
	} else if !v.Reachable {
		fmt.Fprintln(w, v.word())
	}
	fmt.Fprintln(w, v.Text)
}

func (v *verdict) word() string {
	if v.Reachable {
		return "reachable"
	}
	return "not reachable: " + v.Code
}

func printSteps(w io.Writer, steps []step) {
	for _, s := range steps {
		fmt.Fprintln(w, "  "+strings.TrimSpace(s.Ref.String()+"  "+s.Note))
	}
}

func (d *daemon) why(r *http.Request) (any, error) {
	var q question
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	now := d.asker(q.Region)
	if len(q.With) == 0 {
		return now.ask(r.Context(), q)
	}
	then, err := d.suppose(r.Context(), q.Region, q.With)
	if err != nil {
		return nil, err
	}
	v, err := then.ask(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if v.Now, err = now.ask(r.Context(), q); cloud.IsKind(err, cloud.NotFound) { // a change made what is asked about
		v.Now, err = &verdict{Code: "NO_SOURCE_OR_DESTINATION", Text: err.Error()}, nil
	}
	return v, err
}

func verdictOf(q reach.Query, a reach.Answer) *verdict {
	v := &verdict{
		Reachable: a.Reachable, Delivered: a.Delivered, Code: a.Code, Stage: string(a.Stage), Text: a.Text,
		Source: string(q.From), Address: q.To.String(), Path: []step{}, Reply: []step{}, Blame: []step{},
	}
	if v.Source == "" {
		v.Source = q.Source.String()
	}
	for _, h := range reach.InOrder(a.Path) {
		v.Path = append(v.Path, step{h.Resource, h.Note})
	}
	for _, h := range reach.InOrder(a.Reply) {
		v.Reply = append(v.Reply, step{h.Resource, h.Note})
	}
	for _, r := range a.Blame {
		v.Blame = append(v.Blame, step{Ref: r})
	}
	return v
}
