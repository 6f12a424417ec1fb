package host

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/internal/cloud"
)

// Words are how instances ask about themselves, and what they are told.
type Words struct {
	Addr netip.AddrPort
	// Header has a session's token; with "-ttl-seconds" behind it, how long a session is to last.
	Header string
	// Items are all there is to know, by path; credentials issues those of the instance's role.
	Items func(v cloud.View, i *cloud.Instance, credentials func() (Credentials, error)) map[string]string
}

// common are the words of instances that have none of their own.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
var common = Words{Addr: netip.MustParseAddrPort("169.254.169.254:80"), Header: "X-aws-ec2-metadata-token", Items: items}

// Credentials are what an instance gets of its role.
type Credentials struct {
	Role               string
	KeyID, Secret      string
	Token              string
	Updated, ExpiresAt time.Time
}

// metadata answers one instance.
type metadata struct {
	Words
	id    cloud.InstanceID
	state State
	issue func(ctx context.Context, i *cloud.Instance) (Credentials, error)

	mu     sync.Mutex // guards what follows
	tokens map[string]time.Time
	last   Credentials
	role   string // that they are of, and its profile
}

func newMetadata(id cloud.InstanceID, w Words, c Config) *metadata {
	return &metadata{Words: w, id: id, state: c.State, issue: c.Credentials, tokens: map[string]time.Time{}}
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := m.state.View()
	i, ok := cloud.Instances.Get(v, m.id)
	switch {
	case !ok || i.Metadata.Off:
		http.Error(w, "403 - Forbidden", http.StatusForbidden)
	case r.URL.Path == "/latest/api/token":
		m.token(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
	case !m.admits(i, r.Header.Get(m.Header)):
		http.Error(w, "401 - Unauthorized", http.StatusUnauthorized)
	default:
		m.answer(r.Context(), w, v, i, strings.TrimPrefix(r.URL.Path, "/latest"))
	}
}

// token issues a session token. A request that came through a proxy gets none.
func (m *metadata) token(w http.ResponseWriter, r *http.Request) {
	life, err := strconv.Atoi(r.Header.Get(m.Header + "-ttl-seconds"))
	switch {
	case r.Method != http.MethodPut:
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
		return
	case r.Header.Get("X-Forwarded-For") != "":
		http.Error(w, "403 - Forbidden", http.StatusForbidden)
		return
	case err != nil || life < 1 || life > 21600:
		http.Error(w, "400 - Bad Request", http.StatusBadRequest)
		return
	}
	now, token := time.Now(), rand.Text()
	m.mu.Lock()
	maps.DeleteFunc(m.tokens, func(_ string, until time.Time) bool { return until.Before(now) })
	m.tokens[token] = now.Add(time.Duration(life) * time.Second)
	m.mu.Unlock()
	w.Header().Set(m.Header+"-ttl-seconds", strconv.Itoa(life))
	_, _ = w.Write([]byte(token)) // the client may be gone
}

// admits reports whether a request with this token may be answered.
func (m *metadata) admits(i *cloud.Instance, token string) bool {
	if token == "" {
		return i.Metadata.TokensOptional
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.tokens[token])
}

// answer writes one item, or lists those below a directory.
func (m *metadata) answer(ctx context.Context, w http.ResponseWriter, v cloud.View, i *cloud.Instance, name string) {
	items := m.Items(v, i, func() (Credentials, error) { return m.credentials(ctx, i) })
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	text, ok := items[name]
	if !ok {
		below := map[string]bool{}
		for k := range items {
			rest, in := strings.CutPrefix(k, name+"/")
			if !in {
				continue
			}
			first, _, more := strings.Cut(rest, "/")
			if more {
				first += "/"
			}
			below[first] = true
		}
		text, ok = strings.Join(slices.Sorted(maps.Keys(below)), "\n"), len(below) > 0
	}
	if !ok {
		http.Error(w, "404 - Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(text)) // the client may be gone
}

// items are all there is to know, by path.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html#instancedata-data-categories
func items(v cloud.View, i *cloud.Instance, credentials func() (Credentials, error)) map[string]string {
	out := map[string]string{
		"meta-data/instance-id": string(i.ID), "meta-data/instance-type": i.Type, "meta-data/ami-id": i.Attrs["aws.image"], "meta-data/ami-launch-index": strconv.Itoa(i.Index),
		"meta-data/reservation-id": i.Reservation, "meta-data/local-ipv4": i.Addr.String(), "meta-data/placement/region": i.Region,
		"meta-data/services/domain": "amazonaws.com", "meta-data/services/partition": "aws", "meta-data/instance-life-cycle": "on-demand",
	}
	if len(i.UserData) > 0 {
		out["user-data"] = string(i.UserData)
	}
	name := hostname(i, i.Addr)
	if vpc, ok := cloud.VPCs.Get(v, i.VPC); ok {
		if _, domain, ok := strings.Cut(vpc.PrivateNames, "."); ok {
			name += "." + domain
		}
	}
	out["meta-data/hostname"], out["meta-data/local-hostname"] = name, name
	identity := map[string]any{"accountId": i.Account, "architecture": "x86_64", "imageId": i.Attrs["aws.image"], "instanceId": i.ID, "instanceType": i.Type,
		"pendingTime": i.Launched.UTC().Format(time.RFC3339), "privateIp": i.Addr, "region": i.Region, "version": "2017-09-30"}
	if s, ok := cloud.Subnets.Get(v, i.Subnet); ok {
		out["meta-data/placement/availability-zone"] = s.Zone
		identity["availabilityZone"] = s.Zone
	}
	out["dynamic/instance-identity/document"] = indented(identity)
	if i.Metadata.Tags {
		for k, t := range i.Tags {
			out["meta-data/tags/instance/"+k] = t
		}
	}
	interfaceItems(v, i, out)
	profileItems(i, credentials, out)
	return out
}

func interfaceItems(v cloud.View, i *cloud.Instance, out map[string]string) {
	eni, ok := cloud.Interfaces.Get(v, i.Interface)
	if !ok {
		return
	}
	var ids, names []string
	for _, id := range eni.SecurityGroups {
		if g, ok := cloud.SecurityGroups.Get(v, id); ok {
			ids, names = append(ids, string(id)), append(names, g.Name)
		}
	}
	at := "meta-data/network/interfaces/macs/" + eni.MAC + "/"
	for k, x := range map[string]string{
		"mac": eni.MAC, "interface-id": string(eni.ID), "device-number": "0", "local-ipv4s": lines(eni.Addrs), "owner-id": i.Account, "subnet-id": string(eni.Subnet),
		"vpc-id": string(eni.VPC), "security-group-ids": strings.Join(ids, "\n"), "security-groups": strings.Join(names, "\n"),
	} {
		out[at+k] = x
	}
	out["meta-data/mac"], out["meta-data/security-groups"] = eni.MAC, strings.Join(names, "\n")
	if len(eni.Addrs6) > 0 {
		out["meta-data/ipv6"], out[at+"ipv6s"] = eni.Addrs6[0].String(), lines(eni.Addrs6)
	}
	public := eni.PublicIP
	for e := range cloud.ElasticIPs.By(v, "interface", string(eni.ID)) {
		if e.Private == eni.Primary() {
			public = e.Addr
		}
	}
	if public.IsValid() {
		out["meta-data/public-ipv4"], out[at+"public-ipv4s"] = public.String(), public.String()
	}
}

func lines(addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return strings.Join(list, "\n")
}

// profileItems are the credentials of the role in the instance's profile.
func profileItems(i *cloud.Instance, credentials func() (Credentials, error), out map[string]string) {
	if i.Profile == "" {
		return
	}
	c, err := credentials()
	if err != nil {
		out["meta-data/iam/info"] = indented(map[string]string{"Code": "AssumeRoleUnauthorizedAccess", "Message": err.Error(), "LastUpdated": stamp(time.Now())})
		return
	}
	out["meta-data/iam/info"] = indented(map[string]string{"Code": "Success", "LastUpdated": stamp(c.Updated), "InstanceProfileArn": i.Attrs["aws.profile-arn"], "InstanceProfileId": i.Attrs["aws.profile-id"]})
	out["meta-data/iam/security-credentials/"+c.Role] = indented(map[string]string{
		"Code": "Success", "LastUpdated": stamp(c.Updated), "Type": "AWS-HMAC", "AccessKeyId": c.KeyID, "SecretAccessKey": c.Secret, "Token": c.Token, "Expiration": stamp(c.ExpiresAt),
	})
}

// credentials are those of the instance's role, good for at least half of their life.
func (m *metadata) credentials(ctx context.Context, i *cloud.Instance) (Credentials, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.issue == nil {
		return Credentials{}, errors.New("no service issues credentials here")
	}
	role := i.Profile + "/" + i.Role
	if now := time.Now(); m.role == role && now.Sub(m.last.Updated) < m.last.ExpiresAt.Sub(now) {
		return m.last, nil
	}
	c, err := m.issue(ctx, i)
	if err == nil {
		m.last, m.role = c, role
	}
	return c, err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func indented(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // strings and addresses
	}
	return string(b)
}
