package access_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

// object asks for something of S3's, signed unless there are no keys.
func (w *world) object(t *testing.T, keys *aws.Credentials, method, host, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if keys != nil {
		sum := sha256.Sum256(nil)
		hash := hex.EncodeToString(sum[:])
		r.Header.Set("X-Amz-Content-Sha256", hash)
		if err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(w.ctx, *keys, r, hash, "s3", region, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Status[:4] + string(body)
}

// TestS3EndpointPolicy: what an S3 endpoint's policy forbids is refused in S3's
// words; the rest is not implemented.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
func TestS3EndpointPolicy(t *testing.T) {
	w := newWorld(t)
	w.user(t, w, "me", may("s3:*", ""))
	k := ok(w.iam.CreateAccessKey(w.ctx, &sdkiam.CreateAccessKeyInput{UserName: aws.String("me")}))(t).AccessKey
	me := &aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey}
	wrong := &aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: "wrong"}
	o := w.endpoint(t, "s3", "")
	policy := `{"Statement":[
		{"Principal":{"AWS":"arn:aws:iam::111122223333:user/me"},"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::mine","arn:aws:s3:::mine/*"],
			"Condition":{"StringEquals":{"aws:SourceVpce":"` + string(o.Endpoint) + `","aws:SourceVpc":"` + string(o.VPC) + `"}}},
		{"Principal":"*","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/*"},
		{"Principal":"*","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-00000000000000000"}}}]}`
	ok(w.ec2.ModifyVpcEndpoint(w.ctx, &sdkec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(string(o.Endpoint)), PolicyDocument: &policy}))(t)
	const (
		s3     = "s3.us-east-1.amazonaws.com"
		none   = "501 …<Error><Code>NotImplemented</Code>"
		denied = "403 …<Error><Code>AccessDenied</Code>"
		by     = denied + "<Message>User: arn:aws:iam::111122223333:user/me is not authorized to perform: s3:"
		no     = " because no VPC endpoint policy allows the s3:"
	)
	w.through(o, func() {
		for _, c := range []struct {
			name               string
			keys               *aws.Credentials
			method, host, path string
			want               string
		}{
			{"get", me, "GET", s3, "/mine/a/b%20c", none},
			{"get by host", me, "GET", "mine." + s3, "/a", none},
			{"list", me, "GET", s3, "/mine?list-type=2", none},
			{"list by host", me, "GET", "mine." + s3, "/?list-type=2", none},
			{"put", me, "PUT", s3, "/mine/a", by + "PutObject on resource: arn:aws:s3:::mine/a" + no + "PutObject action"},
			{"delete", me, "DELETE", "mine." + s3, "/a/", by + "DeleteObject on resource: arn:aws:s3:::mine/a/" + no + "DeleteObject action"},
			{"another bucket", me, "GET", s3, "/yours/a", by + "GetObject on resource: arn:aws:s3:::yours/a" + no},
			{"another bucket by host", me, "GET", "yours." + s3, "/mine/a", by + "GetObject on resource: arn:aws:s3:::yours/mine/a" + no},
			{"buckets", me, "GET", s3, "/", by + "ListAllMyBuckets on resource: *" + no},
			{"access control", me, "GET", s3, "/mine/a?acl", by + "GetObjectAcl on resource: arn:aws:s3:::mine/a" + no},
			{"unsigned", nil, "GET", s3, "/public/a", none},
			{"unsigned, by host", nil, "GET", "public." + s3, "/a", none},
			{"unsigned, forbidden", nil, "GET", s3, "/mine/a", denied + "<Message>Access Denied</Message>"},
			{"wrong secret", wrong, "GET", s3, "/mine/a", "403 …<Error><Code>SignatureDoesNotMatch</Code>"},
		} {
			status, body, _ := strings.Cut(c.want, "…")
			if got := w.object(t, c.keys, c.method, c.host, c.path); !strings.HasPrefix(got, status) || !strings.Contains(got, body) {
				t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
			}
		}
	})
	if got := w.object(t, me, "PUT", s3, "/mine/a"); !strings.HasPrefix(got, "501") {
		t.Errorf("not through the endpoint: %s", got)
	}
}
