package runtime

import (
	"maps"
	"strings"

	"weir/internal/sandbox"
)

// Image is an unpacked container image that a function's code is in, with what is
// to be run of it. Its process has the image's files for its root, can write above
// them, and is who the image says.
type Image struct {
	Root     string
	Argv     []string // the program by its absolute path in the image
	Env      []string // the image's, with the function's above it
	Dir      string
	UID, GID int
	// Missing says that the image has not got the program.
	Missing bool
	// Serves says that the program is an HTTP server; else it asks the Runtime API.
	Serves bool
}

// family is how the image's program is spoken to.
func (i *Image) family() Family {
	if i.Serves {
		return Serving
	}
	return Provided
}

func (i *Image) root() *sandbox.Image {
	return &sandbox.Image{Root: i.Root, Dir: i.Dir, UID: i.UID, GID: i.GID}
}

// environment is the image's, above what names the certificates to trust: the
// platform's defaults are not for other people's files.
func (i *Image) environment(extraCA bool) map[string]string {
	env := trust(extraCA)
	for _, e := range i.Env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

// variables are the function's own above the defaults: the image's, if there is one.
func (c *Code) variables(defaults map[string]string, extraCA bool) map[string]string {
	if c.Image != nil {
		return c.Image.environment(extraCA)
	}
	maps.Copy(defaults, c.Env)
	return defaults
}
