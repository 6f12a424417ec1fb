package fc

import (
	"slices"
	"strings"
	"time"

	"weir/internal/cloud"
	"weir/internal/control"
)

const defaultPort = 9000

// server reads how code that is an HTTP server is started: of a custom runtime or
// of an image.
func (a *api) server(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	name := ""
	if old != nil {
		name = old.Runtime
	}
	if in.Runtime != nil {
		name = *in.Runtime
	}
	switch {
	case name == containerRuntime:
		return a.container(in, old, s)
	case old != nil && old.Image != nil && (in.Code == nil || in.Code.ZipFile == nil):
		return invalid("code is required but not provided: what function '%s' has is an image", value(in.FunctionName))
	case in.CustomContainerConfig != nil && value(in.CustomContainerConfig.Image) != "":
		return invalid("customContainerConfig needs runtime custom-container")
	case custom(name):
		c := in.CustomRuntimeConfig
		if c == nil && old != nil && old.Server != nil {
			return nil
		}
		if c == nil {
			c = &CustomRuntimeConfig{}
		}
		health, err := healthCheck(c.HealthCheckConfig)
		if err != nil {
			return err
		}
		srv := &cloud.Server{Command: slices.Clone(c.Command), Args: slices.Clone(c.Args), Port: int(value(c.Port)), Health: health}
		if len(srv.Command) == 0 {
			srv.Command = []string{"/code/bootstrap"}
		}
		return listens(srv, s)
	case in.CustomRuntimeConfig != nil && (len(in.CustomRuntimeConfig.Command) > 0 || in.CustomRuntimeConfig.Port != nil):
		return invalid("customRuntimeConfig needs a custom runtime")
	case old != nil && old.Server != nil: // the code is no server any more
		s.Server = new(*cloud.Server)
	}
	return nil
}

// containerRuntime is the runtime of functions whose code is an image.
const containerRuntime = "custom-container"

// container reads which image is run, and how it is reached. The image itself is
// looked for later, as at the vendor: the function is Pending meanwhile.
// https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/states-of-custom-container-functions
func (a *api) container(in *UpdateFunctionInput, old *cloud.Version, s *control.FunctionSettings) error {
	c := in.CustomContainerConfig
	switch {
	case in.Code != nil && (in.Code.ZipFile != nil || in.Code.OssObjectName != nil):
		return invalid("code must not be set for a function of a custom container")
	case c == nil && old != nil && old.Image != nil:
		return nil
	}
	if c == nil || value(c.Image) == "" {
		return invalid("customContainerConfig.image is required but not provided")
	}
	health, err := healthCheck(c.HealthCheckConfig)
	if err != nil {
		return err
	}
	img := &cloud.Image{Ref: *c.Image, Entrypoint: slices.Clone(c.Entrypoint), Command: slices.Clone(c.Command)}
	if a.opt.CheckImage != nil {
		if err := a.opt.CheckImage(img.Ref); err != nil {
			return invalid("customContainerConfig.image is set to an invalid value: %v", err)
		}
	}
	if r := c.RegistryConfig; r != nil && r.AuthConfig != nil {
		img.User, img.Password = value(r.AuthConfig.UserName), value(r.AuthConfig.Password)
	}
	s.Image = &img
	if old != nil && len(old.Layers) > 0 {
		s.Layers = &[]cloud.LayerUse{} // of an archive that the image takes the place of
	}
	s.Attrs["fc.acrInstanceId"] = value(c.AcrInstanceId)
	return listens(&cloud.Server{Port: int(value(c.Port)), Health: health}, s)
}

func listens(srv *cloud.Server, s *control.FunctionSettings) error {
	if srv.Port == 0 {
		srv.Port = defaultPort
	}
	if srv.Port < 1 || srv.Port > 65535 || srv.Port == 9001 {
		return invalid("port is set to an invalid value: want 1 to 65535, not 9001")
	}
	s.Server = &srv
	return nil
}

func healthCheck(c *CustomHealthCheckConfig) (*cloud.HealthCheck, error) {
	if c == nil || value(c.HttpGetUrl) == "" {
		return nil, nil
	}
	bounded := func(name string, p *int64, v, least, most int64) (int64, error) {
		if p != nil {
			v = *p
		}
		if v < least || v > most {
			return 0, invalid("healthCheckConfig.%s is set to an invalid value: want %d to %d", name, least, most)
		}
		return v, nil
	}
	h := &cloud.HealthCheck{Path: *c.HttpGetUrl}
	for _, f := range []struct {
		name           string
		in             *int64
		v, least, most int64
		out            *time.Duration
		count          *int
	}{
		{"initialDelaySeconds", c.InitialDelaySeconds, 0, 0, 120, &h.InitialDelay, nil},
		{"periodSeconds", c.PeriodSeconds, 3, 1, 120, &h.Period, nil},
		{"timeoutSeconds", c.TimeoutSeconds, 1, 1, 3, &h.Timeout, nil},
		{"failureThreshold", c.FailureThreshold, 3, 1, 120, nil, &h.FailureAfter},
		{"successThreshold", c.SuccessThreshold, 1, 1, 120, nil, &h.SuccessAfter},
	} {
		n, err := bounded(f.name, f.in, f.v, f.least, f.most)
		if err != nil {
			return nil, err
		}
		if f.out != nil {
			*f.out = time.Duration(n) * time.Second
		} else {
			*f.count = int(n)
		}
	}
	if !strings.HasPrefix(h.Path, "/") {
		return nil, invalid("healthCheckConfig.httpGetUrl must begin with /")
	}
	return h, nil
}
