package sandbox

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// stage is in stage_amd64.s.
func stage()

var stageAddr unsafe.Pointer // to the first instruction of stage

const archSupported = true

// stageCode copies the stage's machine code out of this program.
func stageCode() []byte {
	mark := binary.LittleEndian.AppendUint64(nil, 0x57454952454e4421)
	text := unsafe.Slice((*byte)(stageAddr), 1024)
	n := bytes.Index(text, mark)
	if n < 0 {
		panic("sandbox: the stage has no end mark")
	}
	return bytes.Clone(text[:n])
}
