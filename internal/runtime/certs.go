package runtime

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

const certBundle = "/etc/ssl/certs/ca-certificates.crt"

// trust tells the usual libraries where the certificates are that they trust.
func trust(extraCA bool) map[string]string {
	env := map[string]string{"SSL_CERT_FILE": certBundle, "AWS_CA_BUNDLE": certBundle, "REQUESTS_CA_BUNDLE": certBundle}
	if extraCA {
		env["NODE_EXTRA_CA_CERTS"] = "/etc/ssl/certs/extra.crt"
	}
	return env
}

// useBundle has Node trust the bundle in place of its own authorities. The bootstrap
// hides it from the code.
const useBundle = "--use-openssl-ca"

// bundleServes reports whether a Node with the user's variables may be started with
// useBundle. Told of our authority by NODE_EXTRA_CA_CERTS, Node reads that and all its
// own at its start, needed or not (https://github.com/nodejs/node/issues/40524): 18 of
// 44 ms. It reads a bundle when it first needs it. But the bundle is then all that it
// trusts, so it must have the host's authorities, and be ours.
func (e *Engine) bundleServes(env map[string]string) bool {
	return e.roots && env["SSL_CERT_FILE"] == "" && env["SSL_CERT_DIR"] == "" && !strings.Contains(env["NODE_OPTIONS"], "-ca")
}

// hasRoots reports whether a bundle has certificates beside the extra ones.
func hasRoots(certs string) bool {
	count := func(name string) int {
		b, _ := os.ReadFile(filepath.Join(certs, name)) // none, if there are none
		return bytes.Count(b, []byte("BEGIN CERTIFICATE"))
	}
	return certs != "" && count("ca-certificates.crt") > count("extra.crt")
}
