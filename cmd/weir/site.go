package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// siteRecord is one site of the lab internet, as /_weir/sites speaks of it.
type siteRecord struct {
	Name   string `json:"name"`
	Dir    string `json:"dir,omitempty"`
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	Addr   string `json:"addr,omitempty"`
}

const siteUsage = `usage: weir site add NAME [--dir DIR | --status CODE [--body TEXT]]
       weir site remove NAME
       weir site list`

// site manages what the lab internet serves beside its catch-all.
func site(ctx context.Context, e env, args []string) error {
	fs := flags(e, "site", siteUsage)
	addr := addrFlag(fs)
	var s siteRecord
	fs.StringVar(&s.Dir, "dir", "", "serve the files of this directory")
	fs.IntVar(&s.Status, "status", 0, "answer every request with this HTTP status")
	fs.StringVar(&s.Body, "body", "", "body to answer with")
	words, err := parseWords(fs, args, 1, 2)
	if err != nil {
		return err
	}
	if len(words) == 2 {
		s.Name = words[1]
	}
	c := newClient(*addr)
	switch verb := words[0]; {
	case verb == "add" && s.Name != "":
		if s.Dir != "" {
			dir, err := filepath.Abs(s.Dir)
			if err != nil {
				return err
			}
			s.Dir = dir
		}
		if err := c.asOwner(ctx); err != nil {
			return err
		}
		if err := c.call(ctx, http.MethodPost, "/_weir/sites", s, &s); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s answers at %s on the lab internet\n", s.Name, s.Addr)
		return nil
	case verb == "remove" && s.Name != "":
		return c.call(ctx, http.MethodDelete, "/_weir/sites?name="+url.QueryEscape(s.Name), nil, nil)
	case verb == "list" && s == (siteRecord{}):
		var all []siteRecord
		if err := c.call(ctx, http.MethodGet, "/_weir/sites", nil, &all); err != nil {
			return err
		}
		for _, r := range all {
			fmt.Fprintf(e.stdout, "%-32s %-16s %s\n", r.Name, r.Addr, cmp.Or(r.Dir, fmt.Sprint(r.Status)))
		}
		return nil
	}
	return wrong(fs)
}
