// Command gen turns the AWS API models that botocore carries (Apache-2.0) into
// Go types and service tables in internal/api/aws/<service>, and counts what is
// implemented in docs/coverage.md.
//
//	go run ./tools/gen            types, tables and docs/coverage.md
//	go run ./tools/gen alibaba    those of one cloud alone; or aws
//	go run ./tools/gen coverage   docs/coverage.md alone; needs no models
//
// Alibaba Cloud's come from the sources of its npm packages (make clients) and of
// its Go SDK, into internal/api/alibaba/<service>; alibaba.txt names them.
//
// aws.txt names the operations whose types are wanted; every operation's name
// is in the tables. No documentation text is taken over. The result depends on
// the pinned models and aws.txt alone.
package main
