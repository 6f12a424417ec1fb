package image

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Config is how an image's program is run.
type Config struct {
	Entrypoint []string
	Cmd        []string
	Env        []string // NAME=value
	Dir        string   // "" is "/"
	User       string   // name or number, perhaps with ":" and a group; "" is root
}

// Argv is the program with its arguments; args, if any, stand in place of Cmd.
func (c Config) Argv(args []string) []string {
	if len(args) == 0 {
		args = c.Cmd
	}
	return slices.Concat(c.Entrypoint, args)
}

// Path is where programs are searched: the last PATH of env, or the usual one.
func Path(env []string) string {
	for _, e := range slices.Backward(env) {
		if p, ok := strings.CutPrefix(e, "PATH="); ok {
			return p
		}
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// LookPath finds a program of the image as a process in dir with this PATH would.
// The answer is an absolute path inside the image.
func (i *Image) LookPath(program, dir, searched string) (string, error) {
	root, err := os.OpenRoot(i.Root)
	if err != nil {
		return "", err
	}
	defer root.Close()
	candidates := []string{}
	if strings.Contains(program, "/") {
		if !path.IsAbs(program) {
			program = path.Join("/", dir, program)
		}
		candidates = append(candidates, program)
	} else {
		for d := range strings.SplitSeq(searched, ":") {
			candidates = append(candidates, path.Join("/", d, program))
		}
	}
	for _, c := range candidates {
		name, err := resolve(root, c, true)
		if err != nil {
			continue
		}
		if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return c, nil
		}
	}
	return "", fmt.Errorf("%w: %q", ErrNoProgram, program)
}

// Identity is a user of the image in numbers.
type Identity struct {
	UID, GID int
	Home     string // "/" if the image does not know the user
}

// Identity finds who Config.User is, by the image's own /etc/passwd and /etc/group.
func (i *Image) Identity() (Identity, error) {
	root, err := os.OpenRoot(i.Root)
	if err != nil {
		return Identity{}, err
	}
	defer root.Close()
	user, group, hasGroup := strings.Cut(i.Config.User, ":")
	if user == "" {
		user = "0"
	}
	id := Identity{Home: "/"}
	number, numeric := idNumber(user)
	entry, known := lookUp(root, "/etc/passwd", func(f []string) bool { return len(f) > 5 && (f[0] == user || numeric && f[2] == user) })
	switch {
	case known:
		uid, ok1 := idNumber(entry[2])
		gid, ok2 := idNumber(entry[3])
		if !ok1 || !ok2 {
			return id, fmt.Errorf("the image's /etc/passwd gives user %q no numbers", user)
		}
		id.UID, id.GID, id.Home = uid, gid, entry[5]
	case numeric:
		id.UID = number
	default:
		return id, fmt.Errorf("the image has no user %q", user)
	}
	if !hasGroup {
		return id, nil
	}
	if n, ok := idNumber(group); ok {
		id.GID = n
		return id, nil
	}
	entry, known = lookUp(root, "/etc/group", func(f []string) bool { return len(f) > 2 && f[0] == group })
	if !known {
		return id, fmt.Errorf("the image has no group %q", group)
	}
	n, ok := idNumber(entry[2])
	if !ok {
		return id, fmt.Errorf("the image's /etc/group gives group %q no number", group)
	}
	id.GID = n
	return id, nil
}

// idNumber reads a user's or group's number.
func idNumber(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// lookUp finds a line of a file like /etc/passwd.
func lookUp(root *os.Root, file string, wanted func([]string) bool) ([]string, bool) {
	name, err := resolve(root, file, true)
	if err != nil {
		return nil, false
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Split(s.Text(), ":"); wanted(fields) {
			return fields, true
		}
	}
	return nil, false
}
