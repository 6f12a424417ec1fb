package runtime

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes a certificate authority and a server's key with a certificate of
// it for 127.0.0.1, in PEM.
func authority(t *testing.T, name string) (ca, key, cert string) {
	t.Helper()
	made := func(der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return made(x509.CreateCertificate(rand.Reader, root, root, &k.PublicKey, k)),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		made(x509.CreateCertificate(rand.Reader, leaf, root, &k.PublicKey, k))
}

// jsTrust connects to servers of each authority: from the function, from a thread of
// it and from a process of it.
const jsTrust = `
const tls = require('tls'), fs = require('fs'), { Worker } = require('worker_threads'), { fork } = require('child_process');
const call = (port) => new Promise((done) => {
  const s = tls.connect(port, '127.0.0.1', () => { s.destroy(); done('trusted'); });
  s.on('error', (e) => done(e.code));
});
exports.call = call;
exports.handler = async (event) => {
  const out = { started: fs.readFileSync('/proc/self/environ').includes('NODE_EXTRA_CA_CERTS=/etc/'), options: process.execArgv, by: {} };
  for (const [name, { key, cert }] of Object.entries(event)) {
    const server = tls.createServer({ key, cert }).on('tlsClientError', () => {}).listen(0, '127.0.0.1');
    await new Promise((done) => server.on('listening', done));
    const port = server.address().port;
    const thread = new Worker("const { parentPort, workerData } = require('worker_threads'); require('/var/task/index.js').call(workerData).then((r) => parentPort.postMessage(r))", { eval: true, workerData: port });
    const child = fork('/var/task/child.js', [String(port)]);
    out.by[name] = await Promise.all([call(port), ...[thread, child].map((w) => new Promise((done) => w.on('message', done)))]);
    server.close();
  }
  return out;
};`

// TestNodeTrusts: Node trusts the extra authority and the host's, reading them only
// when it needs them, and the code sees nothing of how.
func TestNodeTrusts(t *testing.T) {
	extra, extraKey, extraCert := authority(t, "extra")
	host, hostKey, hostCert := authority(t, "host")
	own, ownKey, ownCert := authority(t, "own")
	servers, err := json.Marshal(map[string]any{
		"extra": map[string]string{"key": extraKey, "cert": extraCert},
		"host":  map[string]string{"key": hostKey, "cert": hostCert},
		"own":   map[string]string{"key": ownKey, "cert": ownCert},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bundle  string
		env     map[string]string
		started bool              // told of the extra authority by the environment
		trusted map[string]string // by authority: m the function itself and threads, c processes
	}{
		"bundle":               {bundle: host + extra, trusted: map[string]string{"extra": "mc", "host": "m"}},
		"bundle without roots": {bundle: extra, started: true, trusted: map[string]string{"extra": "mc"}},
		"own beside":           {bundle: host + extra, env: map[string]string{"NODE_EXTRA_CA_CERTS": "/var/task/own.pem"}, trusted: map[string]string{"extra": "m", "host": "m", "own": "mc"}},
		"own bundle":           {bundle: host + extra, env: map[string]string{"SSL_CERT_FILE": "/var/task/own.pem"}, started: true, trusted: map[string]string{"extra": "mc"}},
		"own option":           {bundle: host + extra, env: map[string]string{"NODE_OPTIONS": "--use-bundled-ca"}, started: true, trusted: map[string]string{"extra": "mc"}},
	} {
		t.Run(name, func(t *testing.T) {
			certs := t.TempDir()
			for file, content := range map[string]string{"ca-certificates.crt": c.bundle, "extra.crt": extra} {
				if err := os.WriteFile(filepath.Join(certs, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			e := engineOf(t, Config{Certs: certs})
			j := &journal{}
			p, err := e.Prepare(t.Context(), Spec{ID: "trust", Runtime: "nodejs20.x", Env: c.env, Log: j.add})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Kill()
			code := function(deploy(t, map[string]string{"index.js": jsTrust, "own.pem": own,
				"child.js": `require('./index.js').call(process.argv[2]).then((r) => process.send(r, () => process.exit()));`}), "index.handler")
			code.Env = c.env
			if err := p.Init(t.Context(), code); err != nil {
				t.Fatal(err, j.text())
			}
			res, err := p.Invoke(t.Context(), event(string(servers)))
			if err != nil {
				t.Fatal(err, j.text())
			}
			var got struct {
				Started bool
				Options []string
				By      map[string][]string
			}
			if err := json.Unmarshal(res.Payload, &got); err != nil {
				t.Fatal(err, string(res.Payload))
			}
			if got.Started != c.started || len(got.Options) > 0 {
				t.Errorf("started with the extra certificates: %v, want %v; options %q, want none", got.Started, c.started, got.Options)
			}
			for _, of := range []string{"extra", "host", "own"} {
				in, by := c.trusted[of], got.By[of]
				for i, want := range []bool{strings.Contains(in, "m"), strings.Contains(in, "m"), strings.Contains(in, "c")} {
					if len(by) != 3 || (by[i] == "trusted") != want {
						t.Errorf("servers of %s: %q; want trusted %q", of, by, in)
						break
					}
				}
			}
		})
	}
}
