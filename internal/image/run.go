package image

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Override is what takes the place of an image's own settings, as in `docker run`.
type Override struct {
	// Entrypoint stands in place of the image's, and takes its Cmd away.
	Entrypoint []string
	// Args stand in place of the image's Cmd.
	Args []string
	Env  []string // beside the image's, and above them
	Dir  string
	User string
}

// Run is a program of an image, ready to be started.
type Run struct {
	Argv     []string // the program by its absolute path in the image
	Env      []string // one for each name
	Dir      string
	UID, GID int
}

// ErrNoProgram means that the image has not got the program, or names none.
var ErrNoProgram = errors.New("the image has no such program")

// Run finds what is to be started. With ErrNoProgram everything but Argv is there,
// which is then as it was written.
func (i *Image) Run(o Override) (Run, error) {
	c := i.Config
	if o.User != "" {
		c.User = o.User
	}
	if len(o.Entrypoint) > 0 {
		c.Entrypoint, c.Cmd = o.Entrypoint, nil
	}
	if o.Dir != "" {
		c.Dir = o.Dir
	}
	image := Image{Digest: i.Digest, Root: i.Root, Config: c}
	who, err := image.Identity()
	if err != nil {
		return Run{}, err
	}
	r := Run{Argv: c.Argv(o.Args), Dir: path.Join("/", c.Dir), UID: who.UID, GID: who.GID}
	r.Env = lastOf(slices.Concat([]string{"PATH=" + Path(nil), "HOME=" + who.Home}, c.Env, o.Env))
	if len(r.Argv) == 0 {
		return r, fmt.Errorf("%w: it names none", ErrNoProgram)
	}
	program, err := image.LookPath(r.Argv[0], r.Dir, Path(r.Env))
	if err != nil {
		return r, err
	}
	r.Argv[0] = program
	return r, nil
}

// lastOf keeps the last value of each variable.
func lastOf(env []string) []string {
	at := map[string]int{}
	var out []string
	for _, e := range env {
		name, _, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			continue
		}
		if n, there := at[name]; there {
			out[n] = e
			continue
		}
		at[name] = len(out)
		out = append(out, e)
	}
	return out
}
