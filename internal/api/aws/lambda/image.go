package lambda

import (
	"context"
	"errors"
	"slices"
	"strings"

	"weir/internal/cloud"
	"weir/internal/control"
)

// sourceImage is the image that a request's code is in. It is looked for before the
// answer, as AWS does, and fetched after it.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
func (a *api) sourceImage(ctx context.Context, in *FunctionCode) (*cloud.Image, error) {
	switch {
	case in == nil || value(in.ImageUri) == "" && in.ZipFile == nil && value(in.S3Bucket) == "":
		return nil, invalid("Please provide a source for function code.")
	case value(in.ImageUri) == "":
		return nil, invalid("Please don't provide ZipFile or S3Bucket when the packageType is Image.")
	}
	uri := *in.ImageUri
	if a.opt.FindImage != nil {
		err := a.opt.FindImage(ctx, uri)
		var why *cloud.Error
		switch {
		case errors.As(err, &why) && why.Kind == cloud.NotFound:
			return nil, invalid("Source image %s does not exist. Provide a valid source image.", uri)
		case errors.As(err, &why) && why.Kind == cloud.Malformed:
			return nil, invalid("Source image %s is not valid. Provide a valid source image.", uri)
		case err != nil:
			return nil, invalid("Source image %s cannot be had: %v", uri, err)
		}
	}
	return &cloud.Image{Ref: uri}, nil
}

// started is an image with what is run of it as the request says.
func started(i cloud.Image, c *ImageConfig) *cloud.Image {
	if c != nil {
		i.Entrypoint, i.Command, i.Dir = slices.Clone(c.EntryPoint), slices.Clone(c.Command), value(c.WorkingDirectory)
	}
	return &i
}

// checkPackage refuses settings that the kind of package does not have.
func checkPackage(image bool, in *UpdateFunctionConfigurationInput) error {
	switch {
	case image && (in.Runtime != "" || in.Handler != nil || len(in.Layers) > 0):
		return invalid("Please don't provide handler or runtime or layer when the packageType is Image.")
	case !image && in.ImageConfig != nil:
		return invalid("Please don't provide ImageConfig when the packageType is Zip.")
	}
	return nil
}

// updateImage replaces the image that a function's code is in.
func (a *api) updateImage(ctx context.Context, r ref, fn *cloud.Function, in *UpdateFunctionCodeInput) (*FunctionConfiguration, error) {
	img, err := a.sourceImage(ctx, &FunctionCode{ImageUri: in.ImageUri, S3Bucket: in.S3Bucket, ZipFile: in.ZipFile})
	if err != nil {
		return nil, err
	}
	if _, err := a.architecture(in.Architectures); err != nil {
		return nil, err
	}
	old := fn.Latest.Image
	img.Entrypoint, img.Command, img.Dir = old.Entrypoint, old.Command, old.Dir
	fn, err = a.control.UpdateFunctionSettings(ctx, caller(ctx, r.account), control.UpdateFunctionSettings{
		Name: fn.Name, RevisionID: value(in.RevisionId), Settings: control.FunctionSettings{Image: &img}, Publish: value(in.Publish), DryRun: value(in.DryRun)})
	if err != nil {
		return nil, err
	}
	v, qualifier := fn.Latest, ""
	if fn.Next != nil {
		v = *fn.Next
	}
	if value(in.Publish) && !value(in.DryRun) {
		v.Number = fn.LastVersion
		qualifier = v.Label()
	}
	return updating(a.configuration(fn, &v, qualifier), &v), nil
}

// showImage shows what only functions of images have.
func showImage(c *FunctionConfiguration, i *cloud.Image) {
	_, digest, _ := strings.Cut(i.Resolved, "@sha256:")
	c.CodeSha256, c.Handler, c.RuntimeVersionConfig = &digest, nil, nil
	if len(i.Entrypoint) > 0 || len(i.Command) > 0 || i.Dir != "" {
		c.ImageConfigResponse = &ImageConfigResponse{ImageConfig: &ImageConfig{EntryPoint: i.Entrypoint, Command: i.Command}}
		if i.Dir != "" {
			c.ImageConfigResponse.ImageConfig.WorkingDirectory = &i.Dir
		}
	}
}

// imageStates shows how far a function's image is.
func (a *api) imageStates(c *FunctionConfiguration, fn *cloud.Function, v *cloud.Version) {
	switch {
	case v == fn.Next || v.Number == 0 && fn.Next != nil:
		updating(c, v)
	case v.Image.Pending():
		c.State, c.StateReason, c.StateReasonCode = StatePending, ptr(beingMade), StateReasonCodeCreating
	case v.Image.Failed():
		c.State, c.StateReason, c.StateReasonCode = StateFailed, &v.Image.Problem, StateReasonCodeInvalidImage
		c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = LastUpdateStatusFailed, &v.Image.Problem, LastUpdateStatusReasonCodeInvalidImage
	case v.Update.Status == "failed":
		c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = LastUpdateStatusFailed, &v.Update.Msg, LastUpdateStatusReasonCodeInvalidImage
	}
}

// location tells where a version's code is.
func (a *api) location(v *cloud.Version) *FunctionCodeLocation {
	if i := v.Image; i != nil {
		out := &FunctionCodeLocation{RepositoryType: ptr("ECR"), ImageUri: &i.Ref}
		if i.Resolved != "" {
			out.ResolvedImageUri = &i.Resolved
		}
		return out
	}
	out := &FunctionCodeLocation{RepositoryType: ptr("S3")}
	if a.opt.Code != nil {
		out.Location = ptr(a.opt.Code.URL(v.CodeDigest))
	}
	return out
}
