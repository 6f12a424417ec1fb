package sandbox

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxLine splits longer lines: a log event has at most 256 KiB.
const maxLine = 256<<10 - 26

type buffer [16 << 10]byte

// buffers are shared: most outputs are idle.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

// output reads what a sandbox prints and hands it on line by line.
type output struct {
	pipe    *os.File
	raw     syscall.RawConn
	deliver func(Line)
	ended   chan struct{}

	mu   sync.Mutex // guards reading, and with it the order of lines
	rest []byte     // an incomplete line
}

// newOutput makes the pipe; the second result is the end to write to.
func newOutput(deliver func(Line)) (*output, *os.File, error) {
	var fd [2]int
	if err := unix.Pipe2(fd[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fd[0], true); err != nil { // the reader's end only
		return nil, nil, errors.Join(err, unix.Close(fd[0]), unix.Close(fd[1]))
	}
	w := os.NewFile(uintptr(fd[1]), "output")
	o, err := readOutput(fd[0], deliver)
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return o, w, nil
}

// readOutput is an output that comes from a pipe's end that does not block.
func readOutput(fd int, deliver func(Line)) (*output, error) {
	o := &output{pipe: os.NewFile(uintptr(fd), "output"), deliver: deliver, ended: make(chan struct{})}
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		o.pipe.Close()
		return nil, err
	}
	o.raw = raw
	return o, nil
}

// run reads until the output ends or the pipe is closed.
func (o *output) run() {
	defer close(o.ended)
	defer o.pipe.Close()
	_ = o.raw.Read(func(fd uintptr) bool {
		for {
			if err := o.read(int(fd)); err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
}

// flushNow delivers what the program has written so far, a line without an end as
// well. It reads no more than a pipe holds, so a flood does not keep it here.
func (o *output) flushNow() {
	_ = o.raw.Control(func(fd uintptr) {
		for range 128<<10/len(buffer{}) + 1 {
			if o.read(int(fd)) != nil {
				return
			}
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
}

// read takes what there is, once: EAGAIN says nothing, io.EOF nothing any more.
func (o *output) read(fd int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	n, err := unix.Read(fd, buf[:])
	switch {
	case errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		return io.EOF
	}
	o.take(buf[:n])
	return nil
}

func (o *output) take(b []byte) {
	now := time.Now()
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			o.rest = append(o.rest, b...)
			for len(o.rest) > maxLine {
				o.emit(now, o.rest[:maxLine])
				o.rest = append(o.rest[:0], o.rest[maxLine:]...)
			}
			return
		}
		line := b[:i]
		if len(o.rest) > 0 {
			line = append(o.rest, line...)
			o.rest = o.rest[:0]
		}
		o.emit(now, line)
		b = b[i+1:]
	}
}

func (o *output) flush() {
	if len(o.rest) > 0 {
		o.emit(time.Now(), o.rest)
		o.rest = o.rest[:0]
	}
}

func (o *output) emit(t time.Time, line []byte) {
	for len(line) > maxLine {
		o.deliver(Line{Time: t, Text: string(line[:maxLine])})
		line = line[maxLine:]
	}
	o.deliver(Line{Time: t, Text: string(line)})
}
