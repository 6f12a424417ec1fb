package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Frames of an attached program's connection: a kind, a length, the bytes.
const (
	frameInput  byte = iota // to the program; empty is the end
	frameOutput             // from it
	frameError
	frameExit   // its exit status
	frameSignal // to it
	frameEnd    // from the daemon: end it
)

const maxFrame = 1 << 20

func writeFrame(w io.Writer, kind byte, b []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(b)))
	_, err := w.Write(append(head, b...))
	return err
}

// sender writes whole frames for several callers.
func sender(w io.Writer) func(kind byte, b []byte) error {
	var mu sync.Mutex
	return func(kind byte, b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		return writeFrame(w, kind, b)
	}
}

func readFrame(r io.Reader) (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is longer than %d", n, maxFrame)
	}
	b = make([]byte, n)
	_, err = io.ReadFull(r, b)
	return head[0], b, err
}

// frameWriter sends what is written to it as frames of one kind.
type frameWriter struct {
	kind byte
	send func(kind byte, b []byte) error
}

func (w frameWriter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), maxFrame/2)
		if err := w.send(w.kind, rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}
