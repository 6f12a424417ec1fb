package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Addresses in the stage's memory; stage_amd64.s has the same numbers.
const (
	stageText = 0x400000
	stageData = 0x500000
	stageSize = 0x60000
	stageOps  = stageData + 64 // the first word is the status descriptor
)

// stageProgram is the stage as an executable file: one segment of code, one of
// zeroes that the list of system calls is read into.
func stageProgram() []byte {
	code := stageCode()
	head := elf.Header64{
		Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(elf.EM_X86_64),
		Version: uint32(elf.EV_CURRENT),
		Phoff:   64, Ehsize: 64, Phentsize: 56, Phnum: 3,
	}
	size := uint64(64 + 3*56)
	head.Entry = stageText + size
	size += uint64(len(code))
	segments := []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: stageText, Filesz: size, Memsz: size, Align: 0x1000},
		{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Vaddr: stageData, Memsz: stageSize, Align: 0x1000},
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16},
	}
	var b bytes.Buffer
	for _, part := range []any{head, segments, code} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err) // fixed-size values into memory
		}
	}
	return b.Bytes()
}
