package runtime

import (
	"context"
	"errors"

	"weir/internal/sandbox"
)

const apiAddress = "127.0.0.1:9001"

func (p *Process) startAPI(context.Context, *sandbox.Host, sandbox.Spec) error {
	return errors.New("custom runtimes are not implemented")
}
