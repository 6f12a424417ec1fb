package linux

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"weir/internal/cloud"
	"weir/internal/dataplane"
)

// Pins hold namespaces by bind mounts in a directory, so that they outlive this
// process: the next one finds them there, with notes on what they are.
type Pins struct {
	dir   string              // "" where mounting is not permitted
	found map[string]*os.File // what an earlier process left, until it is taken
	notes map[cloud.VPCID]dataplane.Kept
}

// noteSuffix ends the names of notes.
const noteSuffix = ".numbers"

// OpenPins prepares the directory and takes up what an earlier process left in
// it. What is no namespace any more is cleared.
func OpenPins(dir string) (*Pins, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the directory of network namespaces: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of network namespaces: %w", err)
	}
	mounted, err := mountsIn(dir)
	if err != nil {
		return nil, err
	}
	p := &Pins{dir: dir, found: map[string]*os.File{}, notes: map[cloud.VPCID]dataplane.Kept{}}
	if len(mounted) > 0 && mounted[0] == dir {
		return p, p.take(mounted[1:])
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	// A mount of its own and private, so that others' mount namespaces do not hold ours.
	if unix.Mount(dir, dir, "", unix.MS_BIND, "") != nil {
		return &Pins{}, nil
	}
	if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make %s private: %w", dir, err)
	}
	return p, nil
}

// mountsIn lists the mounts at a directory and below it, oldest first.
func mountsIn(dir string) (list []string, err error) {
	mounts, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("look for network namespaces left over: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) >= 5 && (f[4] == dir || strings.HasPrefix(f[4], dir+"/")) {
			list = append(list, f[4])
		}
	}
	return list, nil
}

// nsfs is the type of the file system that namespaces are files of (linux/magic.h).
const nsfs = 0x6e736673

// take opens what was left: the namespaces that are still mounted, and the notes.
func (p *Pins) take(mounted []string) error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return fmt.Errorf("list network namespaces left over: %w", err)
	}
	is := map[string]bool{}
	for _, m := range mounted {
		is[filepath.Base(m)] = true
	}
	for _, e := range entries {
		name := e.Name()
		if id, ok := strings.CutSuffix(name, noteSuffix); ok {
			var k dataplane.Kept
			if b, err := os.ReadFile(filepath.Join(p.dir, name)); err == nil && json.Unmarshal(b, &k) == nil {
				p.notes[cloud.VPCID(id)] = k
			}
			continue
		}
		f, err := os.Open(filepath.Join(p.dir, name))
		var fs unix.Statfs_t
		if !is[name] || err != nil || unix.Fstatfs(int(f.Fd()), &fs) != nil || fs.Type != nsfs {
			_ = f.Close()
			p.remove(name)
			continue
		}
		p.found[name] = f
	}
	return nil
}

// Has says whether a namespace that was left has this inode.
func (p *Pins) Has(inode uint64) bool {
	for _, f := range p.found {
		var st unix.Stat_t
		if unix.Fstat(int(f.Fd()), &st) == nil && st.Ino == inode {
			return true
		}
	}
	return false
}

// Internet gives the internet's namespace, as an earlier process left it or a new
// one. With a new one all else that was left is cleared: it led to the old one.
func (p *Pins) Internet() (ns *os.File, err error) {
	const name = dataplane.Internet
	if f := p.found[name]; f != nil {
		delete(p.found, name)
		return f, nil
	}
	p.clear()
	t, err := newThreads()
	if err != nil {
		return nil, err
	}
	defer t.close()
	ns, err = t.create(name, func() error { return nil })
	if err == nil {
		if err = p.add(name, ns); err != nil {
			_ = ns.Close()
		}
	}
	return ns, err
}

// hub gives the namespace between VPCs as an earlier process left it, or nil.
func (p *Pins) hub() *os.File {
	f := p.found[dataplane.Hub]
	delete(p.found, dataplane.Hub)
	return f
}

// left takes what there is of VPCs. A VPC without its router or the note on it
// is cleared: nobody could tell what it was.
func (p *Pins) left() map[cloud.VPCID]*left {
	all := map[cloud.VPCID]*left{}
	for name, f := range p.found {
		id, ns, _ := strings.Cut(name, ".")
		l := all[cloud.VPCID(id)]
		if l == nil {
			l = &left{files: map[string]*os.File{}}
			all[cloud.VPCID(id)] = l
		}
		l.files[ns] = f
	}
	for id, l := range all {
		note, ok := p.notes[id]
		l.kept = note
		if ok && l.files[dataplane.Router] != nil {
			continue
		}
		for ns, f := range l.files {
			_ = f.Close()
			p.remove(strings.TrimSuffix(string(id)+"."+ns, "."))
		}
		p.forget(id)
		delete(all, id)
	}
	for id := range p.notes {
		if all[id] == nil {
			p.forget(id)
		}
	}
	p.found, p.notes = map[string]*os.File{}, map[cloud.VPCID]dataplane.Kept{}
	return all
}

// clear gives up what was found.
func (p *Pins) clear() {
	for name, f := range p.found {
		_ = f.Close()
		p.remove(name)
	}
	for id := range p.notes {
		p.forget(id)
	}
	p.found, p.notes = map[string]*os.File{}, map[cloud.VPCID]dataplane.Kept{}
}

// note keeps what the next process has to know of a VPC. It need not survive the
// machine: the namespaces do not either.
func (p *Pins) note(id cloud.VPCID, k *dataplane.Kept) error {
	if p.dir == "" {
		return nil
	}
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	path := filepath.Join(p.dir, string(id)+noteSuffix)
	if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("note the numbers of VPC %s: %w", id, err)
	}
	return nil
}

func (p *Pins) forget(id cloud.VPCID) {
	if p.dir != "" {
		_ = os.Remove(filepath.Join(p.dir, string(id)+noteSuffix))
	}
}

// sweep unmounts and removes everything in dir.
func sweep(dir string) error {
	mounts, err := mountsIn(dir)
	if err != nil {
		return err
	}
	for i := len(mounts) - 1; i >= 0; i-- { // what was mounted last goes first
		if err := unix.Unmount(mounts[i], unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s, left over: %w", mounts[i], err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list network namespaces left over: %w", err)
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove a network namespace left over: %w", err)
		}
	}
	return nil
}

func (p *Pins) add(name string, ns *os.File) error {
	if p.dir == "" {
		return nil
	}
	path := filepath.Join(p.dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o400)
	if err == nil {
		_ = f.Close()
		err = unix.Mount(fmt.Sprintf("/proc/self/fd/%d", ns.Fd()), path, "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("pin network namespace %s: %w", name, err)
	}
	return nil
}

func (p *Pins) remove(name string) {
	if p.dir == "" {
		return
	}
	path := filepath.Join(p.dir, name)
	_ = unix.Unmount(path, unix.MNT_DETACH)
	_ = os.Remove(path)
}

// Close unpins everything.
func (p *Pins) Close() error {
	if p.dir == "" {
		return nil
	}
	return sweep(p.dir)
}
