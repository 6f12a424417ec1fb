package sandbox

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stage is in stage_amd64.s.
//
//lint:ignore U1000 its code is copied, not called
func stage()

var stageAddr unsafe.Pointer // to the first instruction of stage

const (
	archSupported = true
	auditArch     = unix.AUDIT_ARCH_X86_64
)

// archDenied are refused as well, where there are such calls.
var archDenied = []uint32{
	unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_IOPL, unix.SYS_IOPERM,
	unix.SYS_MODIFY_LDT, unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS__SYSCTL,
}

// stageCode copies the stage's machine code out of this program.
func stageCode() []byte {
	mark := binary.LittleEndian.AppendUint64(nil, 0x57454952454e4421)
	text := unsafe.Slice((*byte)(stageAddr), 512)
	n := bytes.Index(text, mark)
	if n < 0 {
		panic("sandbox: the stage has no end mark")
	}
	return bytes.Clone(text[:n])
}
