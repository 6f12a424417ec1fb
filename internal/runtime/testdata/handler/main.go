// The handler is an ordinary Go function for AWS Lambda, used by the tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Text string
}

type answer struct {
	Text, Request, ARN, Function, Colour string
	Client                               string
	InTime                               bool
}

func handle(ctx context.Context, e event) (*answer, error) {
	fmt.Println("doing", e.Do)
	switch e.Do {
	case "fail":
		return nil, errors.New("failed as asked")
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(3)
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, ok := ctx.Deadline()
	return &answer{e.Text, lc.AwsRequestID, lc.InvokedFunctionArn, lambdacontext.FunctionName, os.Getenv("COLOUR"),
		lc.ClientContext.Client.AppTitle, ok && time.Until(deadline) > 8*time.Second}, nil
}

func main() { lambda.Start(handle) }
