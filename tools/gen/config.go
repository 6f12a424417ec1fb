package main

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// service is one section of aws.txt or alibaba.txt.
type service struct {
	Name, API string
	want      []string // globs of operation names; a leading "-" takes away
	codes     map[string]string

	// Of Alibaba's: where it is read from, and what its source does not say.
	product, npm, module string
	empty                string              // the status of an answer without a body, if it is not 200
	hosts                []string            // labels of host names, if not the name
	require, optional    map[string][]string // operation → parameters
	header               map[string][]string // operation → request headers
	float                map[string]bool     // members that are no whole numbers
	also                 map[string][]string // operation → "NAME=TYPE"
	lists                map[string][]string // structure in answers → "NAME=ITEM"
}

// readConfig reads lines "service NAME API-VERSION", each followed by globs of
// operation names, and by lines "code TROUBLE CODE" where the service's code for
// one of package wire's troubles is not the protocol's. "#" begins a comment.
//
// In alibaba.txt a service is "service NAME PRODUCT npm=PACKAGE go=PACKAGE", with
// one or both of the sources; "require OPERATION PARAMETERS…", "header OPERATION NAMES…", "float MEMBERS…" (also
// as OPERATION.MEMBER), "empty STATUS" and "hosts LABELS…" add what the sources do not say, and "also
// OPERATION NAME=TYPE…" parameters that are younger than a source: TYPE is a
// scalar, or that of another operation's parameter, as OPERATION.PARAMETER.
// "optional OPERATION PARAMETERS…" takes back what a source requires and the
// vendor does not, and "lists STRUCTURE NAME=ITEM…" adds lists of texts to answers.
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
		case words[0] == "service" && len(words) == 3 && !strings.Contains(words[2], "="):
			all = append(all, &service{Name: words[1], API: words[2], codes: map[string]string{}})
		case words[0] == "service" && len(words) > 3:
			all = append(all, alibabaService(words[1:]))
		case words[0] == "service" || len(all) == 0:
			return nil, fmt.Errorf("%s:%d: want \"service NAME API-VERSION\"", file, n)
		case words[0] == "code" && len(words) == 3:
			all[len(all)-1].codes[words[1]] = words[2]
		case words[0] == "require" && len(words) > 2:
			last := all[len(all)-1]
			last.require[words[1]] = append(last.require[words[1]], words[2:]...)
		case words[0] == "optional" && len(words) > 2:
			all[len(all)-1].optional[words[1]] = words[2:]
		case words[0] == "lists" && len(words) > 2:
			all[len(all)-1].lists[words[1]] = words[2:]
		case words[0] == "header" && len(words) > 2:
			all[len(all)-1].header[words[1]] = words[2:]
		case words[0] == "also" && len(words) > 2:
			last := all[len(all)-1]
			last.also[words[1]] = append(last.also[words[1]], words[2:]...)
		case words[0] == "empty" && len(words) == 2:
			all[len(all)-1].empty = words[1]
		case words[0] == "hosts":
			all[len(all)-1].hosts = words[1:]
		case words[0] == "float":
			for _, w := range words[1:] {
				all[len(all)-1].float[w] = true
			}
		default:
			last := all[len(all)-1]
			last.want = append(last.want, words...)
		}
	}
	return all, sc.Err()
}

func alibabaService(words []string) *service {
	s := &service{Name: words[0], product: words[1], codes: map[string]string{}, float: map[string]bool{}}
	for _, m := range []*map[string][]string{&s.require, &s.optional, &s.header, &s.also, &s.lists} {
		*m = map[string][]string{}
	}
	for _, w := range words[2:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "npm":
			s.npm = v
		case "go":
			s.module = v
		}
	}
	return s
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
