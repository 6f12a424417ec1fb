package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"weir/internal/cloud"
)

// Site is a user's web site on the internet, at an address of its own. It
// serves the files of Dir or, without one, one fixed answer.
type Site struct {
	Name        string `json:"name"` // host name; any that is not a cloud's own
	Dir         string `json:"dir,omitempty"`
	Status      int    `json:"status,omitempty"` // 0 is 200
	Body        string `json:"body,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Index       int    `json:"index"` // which of the sites' addresses; AddSite chooses it
}

// Host is the site's pair of addresses.
func (s Site) Host() Host { return siteHost(s.Index) }

// KindSite names a site in errors.
const KindSite cloud.Resource = "site"

// sites is the users' sites with the file that keeps them.
type sites struct {
	path string // "" keeps nothing

	mu   sync.RWMutex // guards all
	all  []Site       // by name
	busy sync.Mutex   // held while sites are added or removed
}

func loadSites(dir string) (*sites, error) {
	s := &sites{}
	if dir == "" {
		return s, nil
	}
	s.path = filepath.Join(dir, "sites.json")
	raw, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the lab internet's sites: %w", err)
	}
	if err := json.Unmarshal(raw, &s.all); err != nil {
		return nil, fmt.Errorf("read the lab internet's sites from %s: %w (repair or delete the file)", s.path, err)
	}
	used := map[int]bool{}
	for _, site := range s.all {
		if site.Index < 0 || site.Index >= maxSites || used[site.Index] {
			return nil, fmt.Errorf("read the lab internet's sites from %s: %s has no address of its own (repair or delete the file)", s.path, site.Name)
		}
		used[site.Index] = true
	}
	return s, nil
}

func (s *sites) list() []Site {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.all)
}

func (s *sites) hosts() map[string]Host {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]Host, len(s.all))
	for _, site := range s.all {
		out[site.Name] = site.Host()
	}
	return out
}

// at is the web server of the site at addr, nil if none.
func (s *sites) at(addr netip.Addr) http.Handler {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, site := range s.all {
		if site.Host().has(addr) {
			return site
		}
	}
	return nil
}

// replace keeps the new list, on disk first.
func (s *sites) replace(all []Site) error {
	if s.path != "" {
		raw, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		if err := writeFile(s.path, raw); err != nil {
			return fmt.Errorf("keep the lab internet's sites: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = all
	return nil
}

func writeFile(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Sites are the users' sites by name.
func (l *Lab) Sites() []Site { return l.sites.list() }

// AddSite adds a site, or replaces the one of the same name, and returns it with its address chosen.
func (l *Lab) AddSite(site Site) (Site, error) {
	l.sites.busy.Lock()
	defer l.sites.busy.Unlock()
	site.Name = canonical(site.Name)
	if err := site.check(); err != nil {
		return Site{}, err
	}
	all := l.sites.list()
	i, found := slices.BinarySearchFunc(all, site.Name, func(s Site, name string) int { return strings.Compare(s.Name, name) })
	if found {
		site.Index = all[i].Index
		all[i] = site
	} else {
		free := 0
		for slices.ContainsFunc(all, func(s Site) bool { return s.Index == free }) {
			free++
		}
		if free >= maxSites {
			return Site{}, cloud.Errorf(cloud.Limit, KindSite, site.Name, "sites", "add site %s: the lab internet has room for %d sites; remove one", site.Name, maxSites)
		}
		site.Index = free
		all = slices.Insert(all, i, site)
	}
	if err := l.raise(site); err != nil {
		return Site{}, err
	}
	return site, l.sites.replace(all)
}

// RemoveSite removes a site; its name is a public name like any other again.
func (l *Lab) RemoveSite(name string) error {
	l.sites.busy.Lock()
	defer l.sites.busy.Unlock()
	name = canonical(name)
	all := l.sites.list()
	i := slices.IndexFunc(all, func(s Site) bool { return s.Name == name })
	if i < 0 {
		return cloud.Errorf(cloud.NotFound, KindSite, name, "", "remove site %s: the lab internet has no such site", name)
	}
	host := all[i].Host()
	if err := l.sites.replace(slices.Delete(all, i, i+1)); err != nil {
		return err
	}
	return l.onLoopback(func(h *netlink.Handle, lo netlink.Link) error { return delHost(h, lo, host) })
}

// raise gives the internet the site's addresses.
func (l *Lab) raise(site Site) error {
	return l.onLoopback(func(h *netlink.Handle, lo netlink.Link) error { return addHost(h, lo, site.Host()) })
}

func (l *Lab) onLoopback(f func(*netlink.Handle, netlink.Link) error) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(l.ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("configure the internet's network: %w", err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the internet's loopback: %w", err)
	}
	return f(h, lo)
}

// check refuses names that are taken and answers that cannot be given.
func (s Site) check() error {
	invalid := func(reason, format string, args ...any) error {
		return cloud.Errorf(cloud.Invalid, KindSite, s.Name, reason, "add site %q: %s", s.Name, fmt.Sprintf(format, args...))
	}
	for label := range strings.SplitSeq(s.Name, ".") {
		if !validLabel(label) || len(s.Name) > 253 {
			return invalid("name", "this is not a host name")
		}
	}
	if _, err := netip.ParseAddr(s.Name); err == nil {
		return invalid("name", "give a host name, not an address; Weir chooses the address")
	}
	if ownName(s.Name) {
		return invalid("name", "this name is the cloud's or Weir's own")
	}
	if s.Status != 0 && (s.Status < 200 || s.Status > 599) {
		return invalid("status", "status %d is not between 200 and 599", s.Status)
	}
	if s.Dir == "" {
		return nil
	}
	if s.Body != "" || s.Status != 0 {
		return invalid("content", "give either a directory or a fixed answer")
	}
	if !filepath.IsAbs(s.Dir) {
		return invalid("dir", "directory %s must be given by its absolute path", s.Dir)
	}
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		return invalid("dir", "%s is not a directory that can be read", s.Dir)
	}
	return nil
}

// ServeHTTP answers for the site. Files are opened below Dir only, whatever links it holds.
func (s Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Dir != "" {
		root, err := os.OpenRoot(s.Dir)
		if err != nil {
			http.Error(w, "the site's directory cannot be read", http.StatusInternalServerError)
			return
		}
		defer root.Close()
		http.FileServerFS(root.FS()).ServeHTTP(w, r)
		return
	}
	io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
	kind := s.ContentType
	if kind == "" {
		kind = http.DetectContentType([]byte(s.Body))
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(max(s.Status, http.StatusOK))
	if r.Method != http.MethodHead {
		io.WriteString(w, s.Body)
	}
}
