//go:build !amd64

package sandbox

const archSupported = false

func stageCode() []byte { return nil }
