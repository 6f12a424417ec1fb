package sandbox

import (
	"encoding/binary"
	"fmt"
)

// maxArgs bounds arguments and environment so that they fit beside the steps.
const maxArgs = 192 << 10

const (
	opSize    = 64
	opSpawn   = 65535 // see stage_amd64.s
	maxOps    = 256
	recordEnd = 0xffffffff // a record (recordEnd, wait status)
	recordSet = 0xfffffffe // a record (recordSet, 0): everything is set up
)

// program is a list of system calls for the stage and the bytes they point to.
type program struct {
	base  uint64 // address of the first call
	room  int    // calls that fit before the data
	names []string
	ops   []byte
	data  []byte
}

func newProgram(base uint64, room int) *program {
	return &program{base: base, room: room, names: make([]string, 0, room), ops: make([]byte, 0, room*opSize), data: make([]byte, 0, 6<<10)}
}

// bytes places b in the stage's memory and returns its address.
func (p *program) bytes(b []byte) uint64 {
	for len(p.data)%8 != 0 {
		p.data = append(p.data, 0)
	}
	at := p.base + uint64(p.room*opSize+len(p.data))
	p.data = append(p.data, b...)
	return at
}

func (p *program) str(s string) uint64 { return p.bytes(append([]byte(s), 0)) }

// strs places a NULL-terminated array of strings.
func (p *program) strs(list []string) uint64 {
	var at []byte
	for _, s := range list {
		at = binary.LittleEndian.AppendUint64(at, p.str(s))
	}
	return p.bytes(binary.LittleEndian.AppendUint64(at, 0))
}

// call adds a system call; name is what an error says was attempted.
func (p *program) call(name string, nr uintptr, args ...uint64) {
	p.may(0, name, nr, args...)
}

// may adds a call whose failure with errno is as good as success.
func (p *program) may(errno uint64, name string, nr uintptr, args ...uint64) {
	var words [8]uint64
	words[0], words[7] = uint64(nr), errno
	copy(words[1:7], args)
	for _, w := range words {
		p.ops = binary.LittleEndian.AppendUint64(p.ops, w)
	}
	p.names = append(p.names, name)
}

// next is the address of the call that would be added now.
func (p *program) next() uint64 { return p.base + uint64(len(p.ops)) }

// code is the program as it lies in the stage's memory from base on.
func (p *program) code() ([]byte, error) {
	if len(p.names) > p.room {
		return nil, fmt.Errorf("compile sandbox: %d steps, %d fit", len(p.names), p.room)
	}
	b := append(p.ops[:p.room*opSize], p.data...) // what lies between is never reached
	if end := p.base + uint64(len(b)); end > stageData+stageSize {
		return nil, fmt.Errorf("compile sandbox: %d bytes, %d fit", len(b), stageData+stageSize-p.base)
	}
	return b, nil
}

// image is the whole file that the stage reads first.
func (p *program) image(status uint64) ([]byte, error) {
	code, err := p.code()
	if err != nil {
		return nil, err
	}
	head := make([]byte, stageOps-stageData, stageOps-stageData+len(code))
	binary.LittleEndian.PutUint64(head, status)
	return append(head, code...), nil
}

// name says what call i was to do; i counts from the start of the first program.
func (p *program) name(i uint32) string {
	if n := int(i); n < len(p.names) {
		return p.names[n]
	}
	return "run the program"
}

func record(kind, value uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, kind), value)
}

func readRecord(rec [8]byte) (kind, value uint32) {
	return binary.LittleEndian.Uint32(rec[:]), binary.LittleEndian.Uint32(rec[4:])
}
