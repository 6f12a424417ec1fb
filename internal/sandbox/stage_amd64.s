#include "textflag.h"

// The stage is never called: its bytes become a program of their own (stage.go).
// It reads a list of system calls from descriptor 0 to stageData and carries
// them out in turn. Each takes 64 bytes: number, six arguments, an error number
// that counts as success. A failure is reported as (index, errno) on the status
// descriptor, the first word of the list. Number 65535 starts the program: the
// child goes on with the list, the parent reaps as pid 1 until that child ends.
//
// R12 list entry, R13 status descriptor, R14 the child.
TEXT ·stage(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ $17, AX             // pread64(0, stageData, stageSize, 0)
	XORL DI, DI
	MOVQ $0x500000, SI
	MOVQ $0x60000, DX
	XORL R10, R10
	SYSCALL
	MOVQ $0x500000, BX
	MOVQ 0(BX), R13
	LEAQ 64(BX), R12

next:
	MOVQ 0(R12), AX
	CMPQ AX, $65535
	JEQ  spawn
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	MOVQ 40(R12), R8
	MOVQ 48(R12), R9
	SYSCALL
	TESTQ AX, AX
	JGE  done
	NEGQ AX
	CMPQ AX, 56(R12)
	JNE  fail

done:
	ADDQ $64, R12
	JMP  next

spawn:
	MOVQ $56, AX             // clone(CLONE_VFORK|CLONE_VM|SIGCHLD)
	MOVQ $0x4111, DI
	XORL SI, SI
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JEQ  done                // the child
	JGT  parent
	NEGQ AX
	JMP  fail

parent:
	MOVQ AX, R14

reap:
	MOVQ $61, AX             // wait4(-1, &status, 0, nil)
	MOVQ $-1, DI
	MOVQ $0x500014, SI
	XORL DX, DX
	XORL R10, R10
	SYSCALL
	CMPQ AX, R14
	JEQ  ended
	TESTQ AX, AX
	JGE  reap                // an orphan
	CMPQ AX, $-4             // EINTR
	JEQ  reap
	JMP  quit

ended:
	MOVQ $0x500010, BX       // (-1, wait status)
	MOVL $-1, 0(BX)
	JMP  report

fail:
	MOVQ $0x500010, BX       // (index, errno)
	MOVL AX, 4(BX)
	MOVQ R12, CX
	SUBQ $0x500040, CX
	SHRQ $6, CX
	MOVL CX, 0(BX)

report:
	MOVQ $1, AX              // write(status, record, 8)
	MOVQ R13, DI
	MOVQ BX, SI
	MOVQ $8, DX
	SYSCALL

quit:
	MOVQ $231, AX            // exit_group(125)
	MOVQ $125, DI
	SYSCALL
	QUAD $0x57454952454e4421 // marks the end

DATA ·stageAddr(SB)/8, $·stage(SB)
GLOBL ·stageAddr(SB), RODATA|NOPTR, $8
