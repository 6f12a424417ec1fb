package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// raw is a request that no SDK would send.
type raw struct {
	name, service, method, path, target, body string
	age                                       time.Duration // of the signature
	unsigned                                  bool
	status                                    int
	want                                      string // expression that the answer's body matches
}

// send signs and sends r, and returns the answer.
func (d *daemon) send(t *testing.T, r raw) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, d.url+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case r.target != "":
		req.Header.Set("X-Amz-Target", r.target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	case r.method == http.MethodPost:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if !r.unsigned {
		sum := sha256.Sum256([]byte(r.body))
		key := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
		if err := v4.NewSigner().SignHTTP(t.Context(), key, req, hex.EncodeToString(sum[:]), r.service, "us-east-1", time.Now().Add(-r.age)); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestRaw sends what SDKs do not: operations that do not exist or that Weir does
// not have, old signatures, none at all. The shapes are those of each protocol.
func TestRaw(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	const (
		id        = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`
		ec2Error  = `^(<\?xml [^>]*\?>\s*)?<Response><Errors><Error><Code>%c</Code><Message>%m</Message></Error></Errors><RequestID>` + id + `</RequestID></Response>\s*$`
		iamError  = `^(<\?xml [^>]*\?>\s*)?<ErrorResponse xmlns="https://%s"><Error><Type>Sender</Type><Code>%c</Code><Message>%m</Message></Error><RequestId>` + id + `</RequestId></ErrorResponse>\s*$`
		jsonError = `^\{"__type":"%c"(,"[Mm]essage":"%m")?\}\s*$`
	)
	shape := func(form, ns, code, message string) string {
		return strings.NewReplacer("%s", ns, "%c", code, "%m", message).Replace(form)
	}
	const iamNS, stsNS = `iam.amazonaws.com/doc/2010-05-08/`, `sts.amazonaws.com/doc/2011-06-15/`
	for _, r := range []raw{
		{name: "EC2, no such action", service: "ec2", method: "POST", path: "/", body: "Action=MakeCoffee&Version=2016-11-15", status: 400,
			want: shape(ec2Error, "", "InvalidAction", `The action MakeCoffee is not valid for this web service\.`)},
		{name: "EC2, action that Weir does not have", service: "ec2", method: "POST", path: "/", body: "Action=CreateFleet&Version=2016-11-15", status: 400,
			want: shape(ec2Error, "", "UnsupportedOperation", `The operation CreateFleet of EC2 is not implemented\.`)},
		{name: "EC2, required parameter missing", service: "ec2", method: "POST", path: "/", body: "Action=CreateSubnet&Version=2016-11-15", status: 400,
			want: shape(ec2Error, "", "MissingParameter", `The request must contain the parameter VpcId`)},
		{name: "EC2, signed 20 minutes ago", service: "ec2", method: "POST", path: "/", body: "Action=DescribeVpcs&Version=2016-11-15", age: 20 * time.Minute, status: 400,
			want: shape(ec2Error, "", "RequestExpired", `Request has expired\.`)},
		{name: "IAM, no such action", service: "iam", method: "POST", path: "/", body: "Action=MakeCoffee&Version=2010-05-08", status: 400,
			want: shape(iamError, iamNS, "InvalidAction", `Could not find operation MakeCoffee for version 2010-05-08`)},
		{name: "STS, signed 20 minutes ago", service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15", age: 20 * time.Minute, status: 403,
			want: shape(iamError, stsNS, "SignatureDoesNotMatch", `Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - \d+ min\.\)`)},
		{name: "STS, signed in 20 minutes", service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15", age: -20 * time.Minute, status: 403,
			want: shape(iamError, stsNS, "SignatureDoesNotMatch", `Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ \d+ min\.\)`)},
		{name: "STS, not signed", service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15", unsigned: true, status: 403,
			want: shape(iamError, stsNS, "MissingAuthenticationToken", `Request is missing Authentication Token`)},
		{name: "Logs, no such operation", service: "logs", method: "POST", path: "/", target: "Logs_20140328.MakeCoffee", body: "{}", status: 400,
			want: shape(jsonError, "", "UnknownOperationException", "")},
		{name: "Logs, no JSON", service: "logs", method: "POST", path: "/", target: "Logs_20140328.DescribeLogGroups", body: "{", status: 400,
			want: `"__type":"SerializationException"`},
		{name: "Lambda, no such path", service: "lambda", method: "GET", path: "/2015-03-31/coffee", status: 404,
			want: `^(<UnknownOperationException/>|\{"Message":".*"\}|\{"message":".*"\})\s*$`},
		{name: "no such service", service: "coffee", method: "POST", path: "/", body: "Action=Make", status: 400, want: "coffee"},
	} {
		t.Run(r.name, func(t *testing.T) {
			status, body := d.send(t, r)
			if status != r.status || !regexp.MustCompile(r.want).MatchString(body) {
				t.Errorf("got  %d %s\nwant %d %s", status, body, r.status, r.want)
			}
		})
	}
}
