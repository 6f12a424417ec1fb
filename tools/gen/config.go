package main

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// service is one section of aws.txt.
type service struct {
	Name, API string
	want      []string // globs of operation names; a leading "-" takes away
	codes     map[string]string
}

// readConfig reads lines "service NAME API-VERSION", each followed by globs of
// operation names, and by lines "code TROUBLE CODE" where the service's code for
// one of package wire's troubles is not the protocol's. "#" begins a comment.
func readConfig(file string) ([]*service, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the list of services: %w", err)
	}
	defer f.Close()
	var all []*service
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		line, _, _ := strings.Cut(sc.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "service" && len(words) == 3:
			all = append(all, &service{Name: words[1], API: words[2], codes: map[string]string{}})
		case words[0] == "service" || len(all) == 0:
			return nil, fmt.Errorf("%s:%d: want \"service NAME API-VERSION\"", file, n)
		case words[0] == "code" && len(words) == 3:
			all[len(all)-1].codes[words[1]] = words[2]
		default:
			last := all[len(all)-1]
			last.want = append(last.want, words...)
		}
	}
	return all, sc.Err()
}

// choose returns the sorted names of the wanted operations. A glob that matches
// nothing is an error, so that a misspelt name does not vanish.
func (s *service) choose(m *model) ([]string, error) {
	var names []string
	for _, glob := range s.want {
		glob, drop := strings.CutPrefix(glob, "-")
		hit := false
		for op := range m.Operations {
			ok, err := path.Match(glob, op)
			if err != nil {
				return nil, fmt.Errorf("glob %s: %w", glob, err)
			}
			if !ok {
				continue
			}
			hit = true
			if i := slices.Index(names, op); drop && i >= 0 {
				names = slices.Delete(names, i, i+1)
			} else if !drop && i < 0 {
				names = append(names, op)
			}
		}
		if !hit {
			return nil, fmt.Errorf("%s matches no operation", glob)
		}
	}
	slices.Sort(names)
	return names, nil
}
