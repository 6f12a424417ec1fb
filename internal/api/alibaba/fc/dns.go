package fc

import (
	"net/netip"
	"regexp"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// What a resolv.conf may hold.
// https://man7.org/linux/man-pages/man5/resolv.conf.5.html
const (
	maxServers  = 3
	maxSearches = 6
)

// dnsWord is a word of a resolv.conf.
var dnsWord = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,253}$`)

// customDNS reads what takes the place of the network's own resolv.conf.
// https://www.alibabacloud.com/help/en/functioncompute/fc-2-0/user-guide/configure-custom-dns-settings-for-functions
func customDNS(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	c := in.CustomDNS
	if c == nil {
		return nil
	}
	var none *cloud.DNS
	if len(c.NameServers)+len(c.Searches)+len(c.DnsOptions) == 0 {
		s.DNS = &none
		return nil
	}
	container := value(in.Runtime) == "custom-container" || in.Runtime == nil && old != nil && old.Runtime == "custom-container"
	switch {
	case container:
		return invalid("customDNS is not supported for runtime custom-container")
	case len(c.NameServers) > maxServers:
		return invalid("customDNS.nameServers has %d items, at most %d are allowed", len(c.NameServers), maxServers)
	case len(c.Searches) > maxSearches:
		return invalid("customDNS.searches has %d items, at most %d are allowed", len(c.Searches), maxSearches)
	}
	d := &cloud.DNS{Searches: c.Searches}
	for _, text := range c.NameServers {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return invalid("customDNS.nameServers has '%s', which is no IP address", text)
		}
		d.Servers = append(d.Servers, addr)
	}
	for _, o := range c.DnsOptions {
		name, option := value(o.Name), value(o.Name)
		if v := value(o.Value); v != "" {
			option += ":" + v
		}
		if !dnsWord.MatchString(name) || !dnsWord.MatchString(strings.Replace(option, ":", ".", 1)) {
			return invalid("customDNS.dnsOptions has '%s', which is no option of a resolv.conf", option)
		}
		d.Options = append(d.Options, option)
	}
	for _, text := range c.Searches {
		if !dnsWord.MatchString(text) {
			return invalid("customDNS.searches has '%s', which is no domain name", text)
		}
	}
	s.DNS = &d
	return nil
}

func dnsShape(d *cloud.DNS) *CustomDNS {
	if d == nil {
		return nil
	}
	out := &CustomDNS{Searches: d.Searches}
	for _, addr := range d.Servers {
		out.NameServers = append(out.NameServers, addr.String())
	}
	for _, option := range d.Options {
		name, v, _ := strings.Cut(option, ":")
		out.DnsOptions = append(out.DnsOptions, DNSOption{Name: &name, Value: &v})
	}
	return out
}
