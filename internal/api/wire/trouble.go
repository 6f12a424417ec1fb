package wire

import (
	"errors"
	"net/http"

	"weir/internal/cloud"
)

// Trouble is a situation every service has a code for.
type Trouble string

// Troubles. A Spec may replace the protocol's code for any of them.
const (
	Validation     Trouble = "validation"      // a value breaks the model's constraints
	Serialization  Trouble = "serialization"   // the body is not what the protocol says
	UnknownAction  Trouble = "unknown-action"  // no such operation
	NotImplemented Trouble = "not-implemented" // in the model, not in Weir
	MissingAuth    Trouble = "missing-auth"    // unsigned
	BadAuth        Trouble = "bad-auth"        // signature header without its parts
	BadKey         Trouble = "bad-key"         // unknown or inactive key, wrong session token
	BadSignature   Trouble = "bad-signature"
	LateRequest    Trouble = "late-request" // the request's time is too far off
	ExpiredToken   Trouble = "expired-token"
	AccessDenied   Trouble = "access-denied"
	BadPage        Trouble = "bad-page" // pagination token that was not given out
	TooLarge       Trouble = "too-large"
	Internal       Trouble = "internal"
	Busy           Trouble = "busy"

	// Alibaba Cloud's only.
	BadToken    Trouble = "bad-token"    // a session token that is not the key's
	InactiveKey Trouble = "inactive-key" // in AWS's dialect one with BadKey
	Replay      Trouble = "replay"       // a signature that was used before
)

const (
	msgBadKey       = "The security token included in the request is invalid."
	msgBadSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	msgExpired      = "The security token included in the request is expired"
	msgMissing      = "Missing Authentication Token"
	msgInternal     = "The request processing has failed because of an unknown error, exception or failure."
	msgEC2Auth      = "AWS was not able to validate the provided access credentials"
)

// troubles are the codes of each protocol's services. EC2 has one code for every
// wrong credential; Query services name the fault; JSON services append
// "Exception".
var troubles = map[Protocol]map[Trouble]Error{
	EC2Query: {
		Validation:     {Code: "InvalidParameterValue"},
		Serialization:  {Code: "MalformedQueryString", Msg: "The query string contains a syntax error."},
		UnknownAction:  {Code: "InvalidAction"},
		NotImplemented: {Code: "UnsupportedOperation"},
		MissingAuth:    {Code: "MissingAuthenticationToken", Status: 403, Msg: "The request must contain valid credentials."},
		BadAuth:        {Code: "IncompleteSignature"},
		BadKey:         {Code: "AuthFailure", Status: 401, Msg: msgEC2Auth},
		BadSignature:   {Code: "AuthFailure", Status: 401, Msg: msgEC2Auth},
		LateRequest:    {Code: "RequestExpired", Msg: "Request has expired."},
		ExpiredToken:   {Code: "RequestExpired", Msg: "Request has expired."},
		AccessDenied:   {Code: "UnauthorizedOperation", Status: 403, Msg: "You are not authorized to perform this operation."},
		BadPage:        {Code: "InvalidPaginationToken", Msg: "The specified pagination token is not valid or is expired."},
		TooLarge:       {Code: "RequestEntityTooLarge", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "InternalError", Status: 500, Msg: "An internal error has occurred."},
		Busy:           {Code: "Unavailable", Status: 503, Msg: "The server is overloaded and can't handle the request."},
	},
	Query: {
		Validation:     {Code: "ValidationError"},
		Serialization:  {Code: "MalformedQueryString", Msg: "The query string contains a syntax error."},
		UnknownAction:  {Code: "InvalidAction"},
		NotImplemented: {Code: "InvalidAction"},
		MissingAuth:    {Code: "MissingAuthenticationToken", Status: 403, Msg: "Request is missing Authentication Token"},
		BadAuth:        {Code: "IncompleteSignature"},
		BadKey:         {Code: "InvalidClientTokenId", Status: 403, Msg: msgBadKey},
		BadSignature:   {Code: "SignatureDoesNotMatch", Status: 403, Msg: msgBadSignature},
		LateRequest:    {Code: "SignatureDoesNotMatch", Status: 403},
		ExpiredToken:   {Code: "ExpiredToken", Status: 403, Msg: msgExpired},
		AccessDenied:   {Code: "AccessDenied", Status: 403},
		BadPage:        {Code: "ValidationError", Msg: "Invalid Marker."},
		TooLarge:       {Code: "RequestEntityTooLarge", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "InternalFailure", Status: 500, Msg: msgInternal},
		Busy:           {Code: "ServiceUnavailable", Status: 503, Msg: "The request has failed due to a temporary failure of the server."},
	},
	JSON: {
		Validation:     {Code: "ValidationException"},
		Serialization:  {Code: "SerializationException"},
		UnknownAction:  {Code: "UnknownOperationException"},
		NotImplemented: {Code: "UnknownOperationException"},
		MissingAuth:    {Code: "MissingAuthenticationTokenException", Msg: msgMissing},
		BadAuth:        {Code: "IncompleteSignatureException"},
		BadKey:         {Code: "UnrecognizedClientException", Msg: msgBadKey},
		BadSignature:   {Code: "InvalidSignatureException", Msg: msgBadSignature},
		LateRequest:    {Code: "InvalidSignatureException"},
		ExpiredToken:   {Code: "ExpiredTokenException", Msg: msgExpired},
		AccessDenied:   {Code: "AccessDeniedException"},
		BadPage:        {Code: "InvalidParameterException", Msg: "The specified nextToken is invalid."},
		TooLarge:       {Code: "RequestEntityTooLargeException", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "InternalFailure", Status: 500, Msg: msgInternal},
		Busy:           {Code: "ServiceUnavailableException", Status: 503, Msg: "The service cannot complete the request."},
	},
	RESTJSON: {
		Validation:     {Code: "ValidationException"},
		Serialization:  {Code: "SerializationException"},
		UnknownAction:  {Code: "UnknownOperationException", Status: 404},
		NotImplemented: {Code: "NotImplementedException", Status: 501},
		MissingAuth:    {Code: "MissingAuthenticationTokenException", Status: 403, Msg: msgMissing},
		BadAuth:        {Code: "IncompleteSignatureException"},
		BadKey:         {Code: "UnrecognizedClientException", Status: 403, Msg: msgBadKey},
		BadSignature:   {Code: "InvalidSignatureException", Status: 403, Msg: msgBadSignature},
		LateRequest:    {Code: "InvalidSignatureException", Status: 403},
		ExpiredToken:   {Code: "ExpiredTokenException", Status: 403, Msg: msgExpired},
		AccessDenied:   {Code: "AccessDeniedException", Status: 403},
		BadPage:        {Code: "InvalidParameterValueException", Msg: "Invalid Marker."},
		TooLarge:       {Code: "RequestEntityTooLargeException", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "ServiceException", Status: 500, Msg: msgInternal},
		Busy:           {Code: "ServiceException", Status: 503, Msg: "The service cannot complete the request."},
	},
	S3: {
		Validation:     {Code: "InvalidRequest"},
		Serialization:  {Code: "MalformedXML"},
		UnknownAction:  {Code: "MethodNotAllowed", Status: 405},
		NotImplemented: {Code: "NotImplemented", Status: 501, Msg: "S3 is not implemented."},
		MissingAuth:    {Code: "AccessDenied", Status: 403, Msg: "Access Denied"},
		BadAuth:        {Code: "AuthorizationHeaderMalformed"},
		BadKey:         {Code: "InvalidAccessKeyId", Status: 403, Msg: "The AWS Access Key Id you provided does not exist in our records."},
		BadSignature:   {Code: "SignatureDoesNotMatch", Status: 403, Msg: msgBadSignature},
		LateRequest:    {Code: "RequestTimeTooSkewed", Status: 403, Msg: "The difference between the request time and the current time is too large."},
		ExpiredToken:   {Code: "ExpiredToken", Msg: "The provided token has expired."},
		AccessDenied:   {Code: "AccessDenied", Status: 403, Msg: "Access Denied"},
		BadPage:        {Code: "InvalidArgument"},
		TooLarge:       {Code: "EntityTooLarge"},
		Internal:       {Code: "InternalError", Status: 500, Msg: "We encountered an internal error. Please try again."},
		Busy:           {Code: "SlowDown", Status: 503, Msg: "Please reduce your request rate."},
	},
	RPC: {
		Validation:     {Code: "InvalidParameter", Msg: "The specified parameter is not valid."},
		Serialization:  {Code: "InvalidParameter", Msg: "The request body could not be read."},
		UnknownAction:  {Code: "InvalidAction.NotFound", Status: 404, Msg: "Specified api is not found, please check your url and method."},
		NotImplemented: {Code: "InvalidAction.NotFound", Status: 404, Msg: "Specified api is not found, please check your url and method."},
		MissingAuth:    {Code: "MissingAccessKeyId", Msg: "AccessKeyId is mandatory for this action."},
		BadAuth:        {Code: "IncompleteSignature", Msg: "The request signature does not conform to Aliyun standards."},
		BadKey:         {Code: "InvalidAccessKeyId.NotFound", Status: 404, Msg: "Specified access key is not found."},
		InactiveKey:    {Code: "InvalidAccessKeyId.Inactive", Msg: "Specified access key is disabled."},
		BadSignature:   {Code: "SignatureDoesNotMatch", Msg: "Specified signature is not matched with our calculation."},
		LateRequest:    {Code: "InvalidTimeStamp.Expired", Msg: "Specified time stamp or date value is expired."},
		Replay:         {Code: "SignatureNonceUsed", Msg: "Specified signature nonce was used already."},
		ExpiredToken:   {Code: "InvalidSecurityToken.Expired", Msg: "Specified SecurityToken is expired."},
		BadToken:       {Code: "InvalidSecurityToken.MismatchWithAccessKey", Msg: "Specified SecurityToken mismatch with the AccessKey."},
		AccessDenied:   {Code: "Forbidden.RAM", Status: 403, Msg: "User not authorized to operate on the specified resource, or this API doesn't support RAM."},
		BadPage:        {Code: "InvalidParameter", Msg: "The specified parameter \"NextToken\" is not valid."},
		TooLarge:       {Code: "RequestEntityTooLarge", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "InternalError", Status: 500, Msg: "The request processing has failed due to some unknown error, exception or failure."},
		Busy:           {Code: "ServiceUnavailable", Status: 503, Msg: "The request has failed due to a temporary failure of the server."},
	},
	ROA: {
		Validation:     {Code: "InvalidArgument"},
		Serialization:  {Code: "InvalidArgument", Msg: "The request body could not be read."},
		UnknownAction:  {Code: "PathNotSupported", Msg: "The requested HTTP method or path is not supported."},
		NotImplemented: {Code: "PathNotSupported"},
		MissingAuth:    {Code: "MissingRequiredHeader", Msg: "The required HTTP header 'Authorization' is missing."},
		BadAuth:        {Code: "InvalidArgument", Msg: "The Authorization header is malformed."},
		BadKey:         {Code: "InvalidAccessKeyID", Status: 403, Msg: "The access key id is not found."},
		InactiveKey:    {Code: "InvalidAccessKeyID", Status: 403, Msg: "The access key id is disabled."},
		BadSignature:   {Code: "SignatureNotMatch", Status: 403, Msg: "The signature we calculated does not match the signature you provided."},
		LateRequest:    {Code: "RequestTimeTooSkewed", Status: 403, Msg: "The difference between the request time and the current time is too large."},
		Replay:         {Code: "SignatureNonceUsed", Status: 403, Msg: "Specified signature nonce was used already."},
		ExpiredToken:   {Code: "SecurityTokenExpired", Status: 403, Msg: "The security token is expired."},
		BadToken:       {Code: "InvalidSecurityToken", Status: 403, Msg: "The security token is not valid."},
		AccessDenied:   {Code: "AccessDenied", Status: 403},
		BadPage:        {Code: "InvalidArgument", Msg: "The nextToken is not valid."},
		TooLarge:       {Code: "EntityTooLarge", Msg: "The payload size exceeds the maximum allowed size."},
		Internal:       {Code: "InternalServerError", Status: 500, Msg: "An internal error has occurred. Please retry."},
		Busy:           {Code: "ServiceUnavailable", Status: 503, Msg: "The request has failed due to a temporary failure of the server."},
	},
	RESTXML: {
		Validation:     {Code: "InvalidInput"},
		Serialization:  {Code: "MalformedInput"},
		UnknownAction:  {Code: "UnknownOperationException", Status: 404, Msg: "The request names no operation of this service."},
		NotImplemented: {Code: "NotImplemented", Status: 501},
		MissingAuth:    {Code: "MissingAuthenticationToken", Status: 403, Msg: "Request is missing Authentication Token"},
		BadAuth:        {Code: "IncompleteSignature"},
		BadKey:         {Code: "InvalidClientTokenId", Status: 403, Msg: msgBadKey},
		BadSignature:   {Code: "SignatureDoesNotMatch", Status: 403, Msg: msgBadSignature},
		LateRequest:    {Code: "SignatureDoesNotMatch", Status: 403},
		ExpiredToken:   {Code: "ExpiredToken", Status: 403, Msg: msgExpired},
		AccessDenied:   {Code: "AccessDenied", Status: 403},
		BadPage:        {Code: "InvalidPaginationToken", Msg: "The specified pagination token is not valid."},
		TooLarge:       {Code: "RequestEntityTooLarge", Status: 413, Msg: "The request is too large."},
		Internal:       {Code: "InternalFailure", Status: 500, Msg: msgInternal},
		Busy:           {Code: "ServiceUnavailable", Status: 503, Msg: "The request has failed due to a temporary failure of the server."},
	},
}

// Trouble returns the service's own error for a situation; "" keeps the usual message.
func (s *Service) Trouble(t Trouble, msg string) *Error {
	e := troubles[s.Protocol][t]
	if code := s.Codes[t]; code != "" {
		e.Code = code
		if m, ok := s.Errors[code]; ok && s.Log {
			e.Status = m.Status
		}
	}
	if msg != "" {
		e.Msg = msg
	}
	return &e
}

// kinds are the codes of last resort for neutral errors; a service's MapError
// knows better ones.
var kinds = map[cloud.Kind]Trouble{
	cloud.Malformed: Validation, cloud.Invalid: Validation, cloud.Missing: Validation,
	cloud.NotFound: Validation, cloud.Exists: Validation, cloud.Conflict: Validation, cloud.InUse: Validation,
	cloud.Limit: Validation, cloud.State: Validation, cloud.Denied: AccessDenied,
	cloud.Unsupported: NotImplemented, cloud.Exhausted: Busy, cloud.Unavailable: Busy,
}

// asError turns whatever an operation returned into the service's own error.
// Anything that is no error of ours is internal: its text is not shown.
func (s *Service) asError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var page *PageError
	if errors.As(err, &page) {
		return s.Trouble(BadPage, "")
	}
	var neutral *cloud.Error
	if errors.As(err, &neutral) {
		if s.MapError != nil {
			if e := s.MapError(neutral); e != nil {
				return e
			}
		}
		if t, ok := kinds[neutral.Kind]; ok {
			e := s.Trouble(t, neutral.Msg)
			e.Err = err
			return e
		}
	}
	e := s.Trouble(Internal, "")
	e.Err = err
	return e
}

// status is the HTTP status of e: its own, the model's, or 400.
func (s *Service) status(e *Error) int {
	if e.Status != 0 {
		return e.Status
	}
	if m, ok := s.Errors[e.Code]; ok {
		return m.Status
	}
	return http.StatusBadRequest
}
