package wire

import "net/http"

// Identify finds out who signed a request of Alibaba Cloud's dialect that is no call
// of an operation, such as one to a function's own name, and reads its body. product
// words the errors. Signatures in parameters do not count. A request to a name may be
// signed without its body, its host and a nonce: that is what the vendor's signer
// does by itself, and all that its samples do.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-signature-authentication-for-http-triggers
func (s *Server) Identify(w http.ResponseWriter, r *http.Request, product *Service) (*Call, []byte, *Error) {
	q := newRequest(r)
	q.acs, q.svc = &acsCall{params: q.query, named: true}, product
	q.call.Dialect, q.call.Service = Alibaba, product.Name
	fault := q.readProof()
	if _, query := q.acs.proof.(*rpcProof); query {
		q.acs.proof = nil
	}
	if q.acs.proof == nil && fault == nil && !s.takesAny(q) {
		return nil, nil, product.Trouble(MissingAuth, "")
	}
	secret, err := s.authenticateACS(q, fault)
	if err != nil {
		return nil, nil, err
	}
	if err := s.readBody(w, q); err != nil {
		return nil, nil, err
	}
	if secret != "" {
		if err := s.verifyACS(q, secret); err != nil {
			return nil, nil, err
		}
	}
	return &q.call, q.body, nil
}

// VPCOf is the VPC that a request came in through; "" if through none.
func VPCOf(r *http.Request) string {
	_, vpc, _ := origin(r)
	return string(vpc)
}
