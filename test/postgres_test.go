package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// regroup changes the security groups of an instance.
func (c *tenant) regroup(instance string, groups ...string) {
	c.t.Helper()
	_, err := c.ec2.ModifyInstanceAttribute(c.ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &instance, Groups: groups})
	c.check(err)
}

// postgres finds the directory of PostgreSQL's programs, or skips the test.
func postgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, name := range found {
		dir := filepath.Dir(name)
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir
		}
	}
	t.Skip("PostgreSQL is not installed: no /usr/lib/postgresql/*/bin with initdb and postgres (Debian: apt install postgresql)")
	return ""
}

// database is the user data of a PostgreSQL that lets in one subnet alone.
const database = `#!/bin/sh
set -e
echo postgres:x:77:77::/var/lib/db:/bin/sh >>/etc/passwd
echo postgres:x:77: >>/etc/group
mkdir /var/lib/db && chown 77:77 /var/lib/db
as() { setpriv --reuid 77 --regid 77 --clear-groups "$@"; }
cd /var/lib/db
as BIN/initdb -D /var/lib/db/data -U app -A reject --no-sync >/dev/null
echo 'host all app 10.0.1.0/24 trust' >/var/lib/db/data/pg_hba.conf
as BIN/postgres -D /var/lib/db/data -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off &
until BIN/pg_isready -q -h "$(hostname -i)"; do sleep 0.1; done
`

// query speaks PostgreSQL's protocol, version 3, as far as one value needs it.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
const query = `
import socket, struct

def message(s):
    kind, size = struct.unpack("!cI", s.read(5))
    return kind, s.read(size - 4)

def handler(event, context):
    c = socket.create_connection((event["host"], 5432))
    s = c.makefile("rb")
    start = struct.pack("!I", 3 << 16) + b"user\0app\0database\0postgres\0\0"
    c.sendall(struct.pack("!I", len(start) + 4) + start)
    while True:
        kind, body = message(s)
        if kind == b"E":
            return {"error": dict((f[:1].decode(), f[1:].decode()) for f in body.split(b"\0") if f)["M"]}
        if kind == b"D":
            return {"value": body[6:].decode()}
        if kind == b"Z":
            q = b"select 40 + 2\0"
            c.sendall(b"Q" + struct.pack("!I", len(q) + 4) + q)
`

// TestPostgres puts a real database into a private subnet and calls it from
// functions: the security group says who reaches it, its own list of addresses
// who may use it.
func TestPostgres(t *testing.T) {
	t.Parallel()
	bin := postgres(t)
	if testing.Short() {
		t.Skip("makes a database; not with -short")
	}
	d := newDaemon(t)
	c := d.root(t)
	vpc, _, _ := c.vpc("10.0.0.0/16")
	inside, _ := c.subnet(vpc, "10.0.1.0/24", "")
	data, _ := c.subnet(vpc, "10.0.2.0/24", "")
	other, _ := c.subnet(vpc, "10.0.3.0/24", "")
	app := c.group(vpc, "app", "", 0)
	stranger := c.group(vpc, "stranger", "", 0)
	db := c.group(vpc, "db", app, 5432)
	i := d.instance(c, data, db, strings.ReplaceAll(database, "BIN", bin))
	role := c.role("app")
	c.python("app", role, query, at(inside, app))
	c.python("elsewhere", role, query, at(other, app))
	c.python("stranger", role, query, at(inside, stranger), twoSeconds)

	type answer struct{ Value, Error string }
	event := map[string]string{"host": *i.PrivateDnsName}
	call := func(name string) (a answer) {
		c.invoke(name, event).into(t, &a)
		return a
	}
	if a := call("app"); a.Value != "42" {
		t.Errorf("from the subnet and group let in: %+v, want 42", a)
	}
	if a := call("elsewhere"); !strings.HasPrefix(a.Error, `no pg_hba.conf entry for host "10.0.3.`) {
		t.Errorf("from a subnet that is not on the list: %+v", a)
	}
	r := c.invoke("stranger", event)
	if !strings.Contains(r.payload, "Task timed out after 2.") || !strings.Contains(r.log, db) {
		t.Errorf("from another group: %s %s, want a time-out and a reason that names %s\n%s", r.fault, r.payload, db, r.log)
	}
	t.Log(r.log)
	// The list is the database's, the group the network's: opened, it is reached at once.
	g := c.group(vpc, "more", stranger, 5432)
	c.regroup(*i.InstanceId, db, g)
	if a := call("stranger"); a.Value != "42" {
		t.Errorf("when its group is let in as well: %+v, want 42", a)
	}
}
