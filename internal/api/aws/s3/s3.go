// Package s3 stands for Amazon S3, which has no operations here: it knows what a
// call would need permission for, so that policies, those of VPC endpoints first,
// are asked before the answer that S3 is not implemented.
package s3

import (
	"net/http"

	"weir/internal/api/aws/access"
	"weir/internal/api/wire"
)

// New returns the service.
func New() *wire.Service {
	return wire.NewService(wire.Spec{Name: "s3", ID: "S3", Protocol: wire.S3})
}

// Targets lists what a call acts on.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
func Targets(_ *wire.Call, in any) []access.Target {
	c, ok := in.(*wire.BucketCall)
	if !ok || c.Bucket == "" {
		return []access.Target{{Action: "s3:ListAllMyBuckets", ARN: "*"}}
	}
	arn := "arn:aws:s3:::" + c.Bucket
	if c.Key == "" {
		action := bucketAction(c)
		if action == "DeleteObject" || action == "PutObject" {
			arn += "/*" // which objects is in the body
		}
		return []access.Target{{Action: "s3:" + action, ARN: arn}}
	}
	return []access.Target{{Action: "s3:" + objectAction(c), ARN: arn + "/" + c.Key}}
}

// rule is the action of a method with a parameter in the query; "" is any other.
type rule struct{ method, param, action string }

func find(rules []rule, c *wire.BucketCall) string {
	for _, r := range rules {
		if r.method == c.Method && (r.param == "" || c.Query.Has(r.param)) {
			return r.action
		}
	}
	return c.Method
}

func bucketAction(c *wire.BucketCall) string { return find(bucketRules, c) }
func objectAction(c *wire.BucketCall) string { return find(objectRules, c) }

var bucketRules = []rule{
	{http.MethodGet, "acl", "GetBucketAcl"}, {http.MethodGet, "cors", "GetBucketCORS"},
	{http.MethodGet, "encryption", "GetEncryptionConfiguration"}, {http.MethodGet, "lifecycle", "GetLifecycleConfiguration"},
	{http.MethodGet, "location", "GetBucketLocation"}, {http.MethodGet, "logging", "GetBucketLogging"},
	{http.MethodGet, "notification", "GetBucketNotification"}, {http.MethodGet, "policy", "GetBucketPolicy"},
	{http.MethodGet, "publicAccessBlock", "GetBucketPublicAccessBlock"}, {http.MethodGet, "tagging", "GetBucketTagging"},
	{http.MethodGet, "uploads", "ListBucketMultipartUploads"}, {http.MethodGet, "versioning", "GetBucketVersioning"},
	{http.MethodGet, "versions", "ListBucketVersions"}, {http.MethodGet, "website", "GetBucketWebsite"},
	{http.MethodGet, "", "ListBucket"}, {http.MethodHead, "", "ListBucket"},
	{http.MethodPut, "acl", "PutBucketAcl"}, {http.MethodPut, "cors", "PutBucketCORS"},
	{http.MethodPut, "encryption", "PutEncryptionConfiguration"}, {http.MethodPut, "lifecycle", "PutLifecycleConfiguration"},
	{http.MethodPut, "logging", "PutBucketLogging"}, {http.MethodPut, "notification", "PutBucketNotification"},
	{http.MethodPut, "policy", "PutBucketPolicy"}, {http.MethodPut, "publicAccessBlock", "PutBucketPublicAccessBlock"},
	{http.MethodPut, "tagging", "PutBucketTagging"}, {http.MethodPut, "versioning", "PutBucketVersioning"},
	{http.MethodPut, "website", "PutBucketWebsite"}, {http.MethodPut, "", "CreateBucket"},
	{http.MethodDelete, "cors", "PutBucketCORS"}, {http.MethodDelete, "encryption", "PutEncryptionConfiguration"},
	{http.MethodDelete, "lifecycle", "PutLifecycleConfiguration"}, {http.MethodDelete, "policy", "DeleteBucketPolicy"},
	{http.MethodDelete, "publicAccessBlock", "PutBucketPublicAccessBlock"}, {http.MethodDelete, "tagging", "PutBucketTagging"},
	{http.MethodDelete, "website", "DeleteBucketWebsite"}, {http.MethodDelete, "", "DeleteBucket"},
	{http.MethodPost, "delete", "DeleteObject"}, {http.MethodPost, "", "PutObject"},
}

var objectRules = []rule{
	{http.MethodGet, "acl", "GetObjectAcl"}, {http.MethodGet, "tagging", "GetObjectTagging"},
	{http.MethodGet, "uploadId", "ListMultipartUploadParts"}, {http.MethodGet, "versionId", "GetObjectVersion"},
	{http.MethodGet, "", "GetObject"}, {http.MethodHead, "versionId", "GetObjectVersion"}, {http.MethodHead, "", "GetObject"},
	{http.MethodPut, "acl", "PutObjectAcl"}, {http.MethodPut, "tagging", "PutObjectTagging"}, {http.MethodPut, "", "PutObject"},
	{http.MethodDelete, "tagging", "DeleteObjectTagging"}, {http.MethodDelete, "uploadId", "AbortMultipartUpload"},
	{http.MethodDelete, "versionId", "DeleteObjectVersion"}, {http.MethodDelete, "", "DeleteObject"},
	{http.MethodPost, "restore", "RestoreObject"}, {http.MethodPost, "select", "GetObject"}, {http.MethodPost, "", "PutObject"},
}
