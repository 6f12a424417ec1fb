package fc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

var domainName = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// domainKept is what only this product's answers show of a domain.
type domainKept struct {
	Cert   string
	Auth   *AuthConfig
	CORS   *CORSConfig
	Routes *RouteConfig
}

func (a *api) createDomain(ctx context.Context, in *CreateCustomDomainInput) (*CustomDomain, error) {
	name := strings.ToLower(value(in.DomainName))
	switch {
	case !domainName.MatchString(name) || len(name) > 253 || IsTrigger(name) || strings.HasSuffix(name, ".aliyuncs.com"):
		return nil, invalid("domainName '%s' is not a valid domain name", value(in.DomainName))
	case strings.HasPrefix(name, "*."), value(in.IsE2B):
		return nil, a.service.Trouble(wire.NotImplemented, "Wildcard domain names are not implemented.")
	}
	d := cloud.Domain{Name: name, Meta: cloud.Meta{Attrs: map[string]string{}}}
	change := &UpdateCustomDomainInput{AuthConfig: in.AuthConfig, CertConfig: in.CertConfig, CorsConfig: in.CorsConfig, Protocol: in.Protocol,
		RouteConfig: in.RouteConfig, TlsConfig: in.TlsConfig, WafConfig: in.WafConfig}
	if change.Protocol == nil {
		change.Protocol = ptr("HTTP")
	}
	if change.AuthConfig == nil {
		change.AuthConfig = &AuthConfig{}
	}
	if err := a.editDomain(ctx, change, &d); err != nil {
		return nil, err
	}
	made, err := a.control.CreateDomain(ctx, caller(ctx), d)
	if err != nil {
		return nil, err
	}
	return domainShape(made), nil
}

func (a *api) updateDomain(ctx context.Context, in *UpdateCustomDomainInput) (*CustomDomain, error) {
	d, err := a.control.UpdateDomain(ctx, caller(ctx), strings.ToLower(value(in.DomainName)), func(d *cloud.Domain) error { return a.editDomain(ctx, in, d) })
	if err != nil {
		return nil, err
	}
	return domainShape(d), nil
}

// editDomain reads what a request sets of a domain.
func (a *api) editDomain(ctx context.Context, in *UpdateCustomDomainInput, d *cloud.Domain) (err error) {
	if in.TlsConfig != nil || in.WafConfig != nil && value(in.WafConfig.EnableWAF) {
		return a.service.Trouble(wire.NotImplemented, "tlsConfig and wafConfig are not implemented.")
	}
	kept := keptOf(d)
	if in.Protocol != nil {
		words := strings.Split(*in.Protocol, ",")
		d.HTTP, d.HTTPS = slices.Contains(words, "HTTP"), slices.Contains(words, "HTTPS")
		if !slices.Contains([]string{"HTTP", "HTTPS", "HTTP,HTTPS"}, *in.Protocol) {
			return invalid("protocol is set to an invalid value: want HTTP, HTTPS or HTTP,HTTPS")
		}
	}
	if c := in.CertConfig; c != nil {
		if value(c.Certificate) != "" || value(c.PrivateKey) != "" {
			if _, err := tls.X509KeyPair([]byte(value(c.Certificate)), []byte(value(c.PrivateKey))); err != nil {
				return invalid("certConfig is invalid: %v", err)
			}
		}
		kept.Cert, d.Certificate, d.PrivateKey = value(c.CertName), value(c.Certificate), value(c.PrivateKey)
	}
	if c := in.AuthConfig; c != nil {
		switch kind := value(c.AuthType); {
		case kind == "jwt" || value(c.AuthInfo) != "" && value(c.AuthInfo) != "{}":
			return a.service.Trouble(wire.NotImplemented, "authType jwt and authInfo are not implemented.")
		case !slices.Contains([]string{"", "anonymous", "function"}, kind):
			return invalid("authConfig.authType is set to an invalid value: want anonymous or function")
		default:
			d.Anonymous = kind != "function"
		}
		kept.Auth = c
	}
	if in.CorsConfig != nil {
		if d.CORS, err = cors(in.CorsConfig); err != nil {
			return err
		}
		kept.CORS = in.CorsConfig
	}
	if in.RouteConfig != nil {
		call := wire.CallFrom(ctx)
		if d.Routes, err = routes(in.RouteConfig, call.Account, call.Region); err != nil {
			return err
		}
		kept.Routes = in.RouteConfig
	}
	text, err := json.Marshal(kept)
	d.Attrs["fc.domain"] = string(text)
	return err
}

func keptOf(d *cloud.Domain) (k domainKept) {
	_ = json.Unmarshal([]byte(d.Attrs["fc.domain"]), &k) // a new one has none
	return k
}

func domainShape(d *cloud.Domain) *CustomDomain {
	kept := keptOf(d)
	var protocols []string
	if d.HTTP {
		protocols = append(protocols, "HTTP")
	}
	if d.HTTPS {
		protocols = append(protocols, "HTTPS")
	}
	out := &CustomDomain{DomainName: &d.Name, AccountId: ptr(access.UID(d.Account)), ApiVersion: ptr(Spec.Version), Protocol: ptr(strings.Join(protocols, ",")),
		CreatedTime: stamp(d.Created), LastModifiedTime: stamp(d.Modified), AuthConfig: kept.Auth, CorsConfig: kept.CORS, RouteConfig: kept.Routes}
	if d.Certificate != "" { // the private key is not told
		out.CertConfig = &CertConfig{CertName: &kept.Cert, Certificate: &d.Certificate}
	}
	if out.RouteConfig == nil {
		out.RouteConfig = &RouteConfig{Routes: []PathConfig{}}
	}
	return out
}

func (a *api) getDomain(ctx context.Context, in *GetCustomDomainInput) (*CustomDomain, error) {
	d, err := control.Domain(a.control.View(), caller(ctx), strings.ToLower(value(in.DomainName)))
	if err != nil {
		return nil, err
	}
	return domainShape(d), nil
}

func (a *api) listDomains(ctx context.Context, in *ListCustomDomainsInput) (*ListCustomDomainOutput, error) {
	call := wire.CallFrom(ctx)
	all := slices.Collect(cloud.Domains.By(a.control.View(), "scope", cloud.Scope(call.Account, call.Region)))
	all = slices.DeleteFunc(all, func(d *cloud.Domain) bool { return !strings.HasPrefix(d.Name, value(in.Prefix)) })
	page, next, err := pageOf(all, in.Limit, in.NextToken, "domains "+call.Account+call.Region+value(in.Prefix), func(d *cloud.Domain) string { return d.Name })
	if err != nil {
		return nil, err
	}
	out := &ListCustomDomainOutput{CustomDomains: []CustomDomain{}, NextToken: next}
	for _, d := range page {
		out.CustomDomains = append(out.CustomDomains, *domainShape(d))
	}
	return out, nil
}

func (a *api) deleteDomain(ctx context.Context, in *DeleteCustomDomainInput) (*DeleteCustomDomainOutput, error) {
	return &DeleteCustomDomainOutput{}, a.control.DeleteDomain(ctx, caller(ctx), strings.ToLower(value(in.DomainName)))
}
