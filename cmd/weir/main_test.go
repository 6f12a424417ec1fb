package main

import (
	"bytes"
	"strings"
	"testing"
)

// Help is help for every command: without a daemon, with status 0.
func TestHelp(t *testing.T) {
	t.Setenv("WEIR_ADDR", "127.0.0.1:1")
	for _, c := range commands() {
		var out bytes.Buffer
		status := run(t.Context(), env{strings.NewReader(""), &out, &out}, []string{c.name, "-h"})
		if status != 0 || !strings.Contains(strings.ToLower(out.String()), "usage of weir "+c.name) && !strings.Contains(out.String(), "usage: weir "+c.name) {
			t.Errorf("weir %s -h: status %d, %s", c.name, status, &out)
		}
	}
}
