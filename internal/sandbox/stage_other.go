//go:build !amd64

package sandbox

// Open refuses on these architectures: the stage is not written for them.
const (
	archSupported = false
	auditArch     = 0
)

var archDenied []uint32

func stageCode() []byte { return nil }
