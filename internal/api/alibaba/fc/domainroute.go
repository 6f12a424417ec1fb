package fc

import (
	"regexp"
	"slices"
	"strings"

	"weir/internal/cloud"
)

// routeOf is the route of a path: one for exactly that, else the longest that ends
// with "/*" and covers it.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-custom-domain-names
func routeOf(d *cloud.Domain, path string) *cloud.DomainRoute {
	var best *cloud.DomainRoute
	for i := range d.Routes {
		r := &d.Routes[i]
		prefix, all := strings.CutSuffix(r.Path, "*")
		switch {
		case !all && r.Path == path:
			return r
		case all && (strings.HasPrefix(path, prefix) || path+"/" == prefix) && (best == nil || len(r.Path) > len(best.Path)):
			best = r
		}
	}
	return best
}

// rewritten is the path that a function gets: by the first rewrite that matches.
func rewritten(r *cloud.DomainRoute, path string) string {
	for _, rule := range r.Rewrites {
		re, err := regexp.Compile(rule.Match)
		if err != nil {
			continue // it was read when it was set
		}
		if m := re.FindStringSubmatchIndex(path); m != nil {
			return string(re.ExpandString(nil, braced.ReplaceAllString(rule.Replacement, "$${$1}"), path, m))
		}
	}
	return path
}

// braced finds the numbers of groups, which letters may follow.
var braced = regexp.MustCompile(`\$(\d+)`)

// rewrites are the rules in the order in which they are tried: exact ones, wildcards,
// regular expressions.
func rewrites(c *RewriteConfig) ([]cloud.Rewrite, error) {
	if c == nil {
		return nil, nil
	}
	var out []cloud.Rewrite
	for _, r := range c.EqualRules {
		out = append(out, cloud.Rewrite{Match: "^" + regexp.QuoteMeta(value(r.Match)) + "$", Replacement: strings.ReplaceAll(value(r.Replacement), "$", "$$")})
	}
	for _, r := range c.WildcardRules {
		parts := strings.Split(value(r.Match), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		out = append(out, cloud.Rewrite{Match: "^" + strings.Join(parts, "(.*)") + "$", Replacement: value(r.Replacement)})
	}
	for _, r := range c.RegexRules {
		out = append(out, cloud.Rewrite{Match: value(r.Match), Replacement: value(r.Replacement)})
	}
	for _, r := range out {
		if _, err := regexp.Compile(r.Match); err != nil {
			return nil, invalid("rewriteConfig has a rule that cannot be read: %v", err)
		}
	}
	return out, nil
}

// routes reads a domain's routes; account and region are the functions'.
func routes(c *RouteConfig, account, region string) (out []cloud.DomainRoute, err error) {
	if c == nil {
		return nil, nil
	}
	for _, in := range c.Routes {
		path := value(in.Path)
		switch {
		case !strings.HasPrefix(path, "/"), strings.Contains(strings.TrimSuffix(path, "/*"), "*"):
			return nil, invalid("routeConfig has the path '%s': want one that begins with /, and * only as its last part", path)
		case slices.ContainsFunc(out, func(r cloud.DomainRoute) bool { return r.Path == path }):
			return nil, invalid("routeConfig has the path '%s' twice", path)
		}
		for _, m := range in.Methods {
			if !slices.Contains(methods, m) {
				return nil, invalid("routeConfig has the method '%s': want %s", m, strings.Join(methods, ", "))
			}
		}
		r := cloud.DomainRoute{Path: path, Function: cloud.MakeFunctionKey(account, region, value(in.FunctionName)),
			Qualifier: neutralQualifier(value(in.Qualifier)), Methods: in.Methods}
		if r.Rewrites, err = rewrites(in.RewriteConfig); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
