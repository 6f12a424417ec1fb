package wire

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// acsCall is what a request says of itself in Alibaba Cloud's dialect.
type acsCall struct {
	proof   proof // nil if unsigned
	action  string
	version string
	params  url.Values // of the query and the beginning of a form
	host    []string   // labels of an aliyuncs.com name, without the domain
	project string     // of Log Service: what the host's name begins with; "" is none
	named   bool       // it is for a name of its own, and no operation; see Identify
}

// domain is where the cloud's API names are.
const domain = ".aliyuncs.com"

// rpcCommon are the parameters every RPC call may have beside its operation's own.
// https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
var rpcCommon = []string{"Action", "Version", "Format", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion",
	"SignatureNonce", "SignatureType", "Timestamp", "SecurityToken"}

// recognise tells the dialects apart: by the way a request is signed, by headers
// and parameters that only one has, by its host, and at last by the version of
// an API. q.acs stays nil in AWS's.
func (q *request) recognise(s *Server) {
	if len(s.products) == 0 {
		return
	}
	h, c := q.r.Header, &acsCall{params: q.query}
	auth, awsTarget := h.Get("Authorization"), h.Get("X-Amz-Target")
	aws := strings.HasPrefix(auth, "AWS4-") || awsTarget != "" || q.query.Has("X-Amz-Algorithm") || q.query.Has("X-Amz-Signature")
	if aws {
		return
	}
	if auth == "" && isForm(q.r) {
		q.peekForm(c)
	}
	c.action, c.version = first(h.Get("X-Acs-Action"), c.params.Get("Action")), first(h.Get("X-Acs-Version"), c.params.Get("Version"))
	host := q.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if name, ok := strings.CutSuffix(strings.ToLower(host), domain); ok {
		c.host = strings.Split(name, ".")
	}
	switch {
	case strings.HasPrefix(auth, "ACS3-"), strings.HasPrefix(auth, "acs "), h.Get("X-Acs-Action") != "", h.Get("X-Acs-Version") != "",
		h.Get("X-Acs-Signature-Nonce") != "", c.params.Has("AccessKeyId"), c.params.Has("SignatureNonce"), c.host != nil,
		s.productOf(c.version) != nil, s.productAt(q) != nil, saysLog(q.r):
	default:
		return
	}
	q.acs = c
	q.call.Dialect, q.call.RequestID = Alibaba, strings.ToUpper(q.call.RequestID)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func isForm(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// peekForm looks into the beginning of a form, where clients that sort their
// parameters have the key and the operation; the body is put back.
func (q *request) peekForm(c *acsCall) {
	body, rest := peekBody(q.r.Body, 64<<10)
	q.r.Body = rest
	form, _ := url.ParseQuery(string(body)) // a cut-off end does not matter
	for k, v := range q.query {
		if !form.Has(k) {
			form[k] = v
		}
	}
	c.params = form
}

// productOf finds a product by its API's version; no two have the same.
func (s *Server) productOf(version string) *Service {
	i := slices.IndexFunc(s.products, func(p *Service) bool { return p.Version == version })
	if version == "" || i < 0 {
		return nil
	}
	return s.products[i]
}

// productAt finds a product by a path that begins with its version.
func (s *Server) productAt(q *request) *Service {
	head, _, _ := strings.Cut(strings.TrimPrefix(q.path, "/"), "/")
	if p := s.productOf(head); p != nil && p.Protocol == ROA {
		return p
	}
	return nil
}

// routeACS finds the product: by the host's name if it has one, else by the
// version.
func (s *Server) routeACS(q *request) *Error {
	c := q.acs
	q.svc = s.logProduct(q)
	for _, label := range c.host {
		i := slices.IndexFunc(s.products, func(p *Service) bool { return p.at(label) })
		if i >= 0 {
			q.svc = s.products[i]
		}
	}
	if q.svc == nil {
		q.svc = s.productOf(c.version)
	}
	if q.svc == nil {
		q.svc = s.productAt(q)
	}
	if q.svc == nil {
		return q.service().Trouble(UnknownAction, "")
	}
	q.call.Service = q.svc.Name
	if q.svc.Log {
		q.readProject()
	}
	if c.version != "" && c.version != q.svc.Version && q.svc.Protocol == RPC {
		return &Error{Code: "InvalidVersion", Msg: "Specified parameter Version is not valid."}
	}
	return nil
}

// at tells whether a label of a host name stands for the service: "vpc",
// "ecs-cn-hangzhou".
func (svc *Service) at(label string) bool {
	return slices.ContainsFunc(svc.hosts(), func(h string) bool {
		rest, ok := strings.CutPrefix(label, h)
		return ok && (rest == "" || rest[0] == '-' && regionLabel(rest[1:]) != "")
	})
}

// regionLabel is the region in a label: "cn-hangzhou", "cn-hangzhou-internal".
func regionLabel(label string) string {
	for _, net := range []string{"-internal", "-vpc", "-intranet"} {
		label = strings.TrimSuffix(label, net)
	}
	head, tail, ok := strings.Cut(label, "-")
	if !ok || len(head) != 2 || tail == "" || !regionName(label) {
		return ""
	}
	return label
}

// acsRegion is the region of a call: what it asks for, else where it was sent to.
func (q *request) acsRegion() string {
	for _, values := range []url.Values{q.form, q.query} {
		if r := values.Get("RegionId"); r != "" {
			return r
		}
	}
	if _, unsigned := q.acs.proof.(*rpcProof); !unsigned && q.r.Header.Get("X-Acs-Region-Id") != "" {
		return q.r.Header.Get("X-Acs-Region-Id")
	}
	for _, label := range q.acs.host {
		if r := regionLabel(label); r != "" {
			return r
		}
		for _, host := range q.svc.hosts() {
			if rest, ok := strings.CutPrefix(label, host+"-"); ok && regionLabel(rest) != "" {
				return regionLabel(rest)
			}
		}
	}
	return ""
}

func (svc *Service) hosts() []string {
	if svc.Hosts == nil {
		return []string{svc.Name}
	}
	return svc.Hosts
}

// serveACS does one call of Alibaba Cloud's dialect, in the order of serve.
func (s *Server) serveACS(w http.ResponseWriter, q *request) *Error {
	fault := q.readProof()
	if err := s.routeACS(q); err != nil {
		return err
	}
	if q.svc.Log {
		w.Header()["X-Log-Requestid"] = []string{q.call.RequestID}
	}
	if o, _ := q.r.Context().Value(originKey{}).(Origin); o.Service != "" {
		return q.svc.Trouble(AccessDenied, "This endpoint serves "+o.Service+" only.")
	}
	secret, err := s.authenticateACS(q, fault)
	if err != nil {
		return err
	}
	if err := s.readBody(w, q); err != nil {
		return err
	}
	if secret != "" {
		if err := s.verifyACS(q, secret); err != nil {
			return err
		}
	}
	if err := s.findAction(q); err != nil {
		return err
	}
	if q.acs.proof == nil && !s.takesAny(q) && !q.op.NoAuth {
		return q.svc.Trouble(MissingAuth, "")
	}
	if q.op.call == nil {
		return q.svc.Trouble(NotImplemented, "The operation "+q.op.Name+" of "+q.svc.ID+" is not implemented.")
	}
	return s.perform(w, q)
}

// authenticateACS finds out who claims to call, and returns the secret to check
// the signature with; "" if there is none to check.
func (s *Server) authenticateACS(q *request, fault error) (string, *Error) {
	q.call.Account, q.call.Region = s.cfg.Account, first(s.cfg.AlibabaRegion, s.cfg.Region)
	p := q.acs.proof
	if s.takesAny(q) {
		root := s.anyRoot()
		if p != nil && s.cfg.Verify != nil {
			key, token := p.key()
			if _, who, loopbackOnly, err := s.cfg.Verify.Credential(key, token); err == nil && (!loopbackOnly || FromThisMachine(q.r)) {
				root = who
			}
		}
		q.setPrincipal(root)
		return "", nil
	}
	switch {
	case fault != nil:
		return "", q.svc.Trouble(BadAuth, fault.Error())
	case p == nil:
		return "", nil
	}
	key, token := p.key()
	secret, who, loopbackOnly, err := s.cfg.Verify.Credential(key, token)
	if err != nil || secret == "" || loopbackOnly && !FromThisMachine(q.r) {
		return "", q.refuseACS(err)
	}
	q.setPrincipal(who)
	if q.call.Principal.KeyID == "" {
		q.call.Principal.KeyID = key
	}
	return secret, nil
}

// verifyACS checks the signature, then its time and that it was not used before.
func (s *Server) verifyACS(q *request, secret string) *Error {
	p, now := q.acs.proof, s.cfg.Now()
	nonce, at, fault := p.complete(q)
	if fault != nil {
		return fault
	}
	if at.Before(now.Add(-maxACSSkew)) || at.After(now.Add(maxACSSkew)) {
		return q.svc.Trouble(LateRequest, "")
	}
	if text, ok := p.verify(q, secret); !ok {
		e := q.svc.Trouble(BadSignature, "")
		if q.svc.Protocol == RPC {
			e.Msg += " server string to sign is:" + text // clients compare it with theirs
		}
		return e
	}
	key, _ := p.key()
	if nonce != "" && !s.nonces.fresh(key, nonce, now) {
		return q.svc.Trouble(Replay, "")
	}
	return nil
}

// named finds an operation by its name, in whatever case: Terraform's provider says
// UnTagResources where a product's model says UntagResources.
func (s *Service) named(name string) *operation {
	if op := s.ops[name]; op != nil {
		return op
	}
	for n, op := range s.ops {
		if strings.EqualFold(n, name) {
			return op
		}
	}
	return nil
}

// findAction reads which operation is called and where; the body is there already.
func (s *Server) findAction(q *request) *Error {
	if r := q.acsRegion(); r != "" {
		if !regionName(r) || s.cfg.HasRegion != nil && !s.cfg.HasRegion(r) {
			return &Error{Code: "InvalidRegionId.NotFound", Status: http.StatusNotFound, Msg: "The specified RegionId does not exist."}
		}
		q.call.Region = r
	}
	name := first(q.acs.action, q.form.Get("Action"))
	if q.svc.Protocol == ROA {
		if q.route = q.svc.match(q); q.route != nil {
			q.op = q.route.op
		}
	} else {
		if name == "" {
			return &Error{Code: "MissingAction", Msg: "Action is mandatory for this action."}
		}
		q.op = q.svc.named(name)
	}
	if q.op == nil {
		return q.svc.Trouble(UnknownAction, "")
	}
	q.call.Operation = q.op.Name
	return nil
}
