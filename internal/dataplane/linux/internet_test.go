package linux

import (
	"testing"

	"weir/internal/netplan"
)

func TestInternet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.apply(sample("vpc-1"))
	app, web, bare := w.ns(n, "eni-app"), w.ns(n, "eni-web"), w.ns(n, "eni-bare")
	fn := w.slot(n, "eni-fn", 0, true)
	w.whoami(web, "0.0.0.0:80")
	w.whoami(web, "[::]:80")

	w.seen("private host through the NAT gateway", w.tcp(app, "198.51.100.7:80"), "203.0.113.9")
	w.seen("the same over UDP", w.udp(app, "198.51.100.7:80"), "203.0.113.9")
	w.seen("function through the NAT gateway", w.tcp(fn, "198.51.100.7:80"), "203.0.113.9")
	w.seen("public host", w.tcp(web, "198.51.100.7:80"), "203.0.113.10")
	w.seen("from the internet to an elastic IP", w.tcp(w.internet, "203.0.113.10:80"), "198.51.100.7")
	w.seen("IPv6 of the public host", w.tcp(web, "[2001:db8::7]:80"), "2001:db8:1000::10")
	w.seen("IPv6 in", w.tcp(w.internet, "[2001:db8:1000::10]:80"), "2001:db8::7")
	w.seen("IPv6 of a private host", w.tcp(app, "[2001:db8::7]:80"), "2001:db8:1000:1::10")
	w.seen("IPv6 of a function", w.tcp(fn, "[2001:db8::7]:80"), "2001:db8:1000:1::20")
	w.seen("own elastic IP from inside", w.tcp(web, "203.0.113.10:80"), "203.0.113.10")

	w.quiet()
	w.seen("public subnet without a public address", w.tcp(bare, "198.51.100.7:80"), "")
	w.dropped("public subnet without a public address", netplan.StageNoPublicIP)
}
