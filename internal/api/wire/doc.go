// Package wire decodes, authenticates, dispatches and encodes API calls of any
// dialect: protocol codecs driven by generated types, signatures, errors in
// each protocol's own shape.
//
// A service is a Spec and one Handle line per operation:
//
//	svc := wire.NewService(ec2.Spec)
//	svc.MapError = mapError // *cloud.Error → *wire.Error
//	wire.Handle(svc, "CreateVpc", impl.createVpc) // func(ctx, *CreateVpcInput) (*CreateVpcOutput, error)
//
// A call goes through: signature read → service → key looked up → body read →
// signature verified → operation → input decoded → checked against the model →
// Config.Authorize → EC2's DryRun → operation → answer or error encoded.
//
// # Dialects
//
// One port answers both clouds. A call is Alibaba Cloud's by the way it is signed
// (ACS3, the first version for RPC in query or form, the first for ROA), by its
// x-acs- headers, its aliyuncs.com host, or the version of its API, which alone
// names the product on a plain address. Such a call goes through the same steps
// (serveACS): a signature is good for 15 minutes and once, the region is RegionId,
// else the host's, and a ClientToken makes a change idempotent.
//
// # Tags
//
// tools/gen writes what the codecs read: `w:"in|out,flag,…"`, the names in
// requests and answers (one if they are the same), then: uri, qs, hdr, hdrs,
// status, payload (place in a REST call); flat, item=, key=, value= (form of lists
// and maps in Query and XML; in RPC answers item= names the list inside an object);
// attr (an attribute in XML);
// json and commas (a list or structure as one parameter's text); host (the first
// label of the host's name); ts= (timestamp format); always (a list that is
// answered even when empty); req, min=, max=, pat= (constraints; with e. of a
// list's or map's elements, with k. of a map's keys). A named string type is an
// enumeration, and its empty string is absent.
//
// # Errors
//
// An operation returns an *Error in the dialect's terms, a *cloud.Error, which the
// service's MapError translates, or a *PageError; anything else is an internal
// error whose text only the log gets. The status of a code is the model's unless
// the Error has one. Situations common to all operations have the codes in
// troubles; a Spec's Codes replace some of them.
//
// An operation of the model that is not registered answers EC2
// UnsupportedOperation, Query InvalidAction, JSON UnknownOperationException, REST
// NotImplementedException or, in XML, NotImplemented (501), with a message that names it. SDKs retry none of
// them.
//
// Invariants: nothing here knows an operation by name; an operation is one
// Handle line; whatever is not registered answers the service's own
// not-implemented error; bad input never becomes a 500.
package wire
