package clients

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	alierrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdkram "github.com/aliyun/alibaba-cloud-sdk-go/services/ram"
	sdkrm "github.com/aliyun/alibaba-cloud-sdk-go/services/resourcemanager"
	sdksts "github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"weir/internal/api/alibaba/access"
	"weir/internal/api/alibaba/cbn"
	"weir/internal/api/alibaba/ecs"
	"weir/internal/api/alibaba/fc"
	"weir/internal/api/alibaba/privatelink"
	"weir/internal/api/alibaba/pvtz"
	"weir/internal/api/alibaba/ram"
	"weir/internal/api/alibaba/region"
	"weir/internal/api/alibaba/resourcemanager"
	"weir/internal/api/alibaba/sls"
	"weir/internal/api/alibaba/sts"
	"weir/internal/api/alibaba/vpc"
	"weir/internal/api/alibaba/vpcpeer"
	awsaccess "weir/internal/api/aws/access"
	"weir/internal/api/aws/iam"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
	"weir/internal/logs"
	"weir/internal/store"
)

const account, uid = "111122223333", "1000111122223333"

// world serves what decides about identities, in process, in both dialects.
type world struct {
	t       *testing.T
	ctx     context.Context
	control *control.Control
	logs    *logs.Logs
	host    string       // address of the server
	ahead   atomic.Int64 // nanoseconds that Weir's clock is before ours
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), logs: logs.NewMemory()}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.control = control.New(control.Deps{Store: store.NewMemory(cloud.Schema()), Blobs: store.NewMemoryBlobs(), Now: now}, control.Options{
		Account: account, Region: "us-east-1", Regions: region.Add(nil), PublicPool: netip.MustParsePrefix("203.0.113.0/24"), IPv6Pool: netip.MustParsePrefix("2001:db8:1000::/36"),
	})
	if err := w.control.Bootstrap(w.ctx, append(ram.System(), iam.Managed()...)); err != nil {
		t.Fatal(err)
	}
	auth := access.New(w.control, map[string]access.Lister{"ram": ram.Targets, "sts": sts.Targets, "resourcemanager": resourcemanager.Targets, "sls": sls.Targets(w.logs), "fc": fc.Targets(w.control), "ecs": ecs.Acts.Targets(w.control), "vpc": vpc.Acts.Targets(w.control), "vpcpeer": vpcpeer.Acts.Targets(w.control), "pvtz": pvtz.Acts.Targets(w.control), "cbn": cbn.Acts.Targets(w.control), "privatelink": privatelink.Acts.Targets(w.control)}, now)
	awsAuth := awsaccess.New(w.control, map[string]awsaccess.Lister{"iam": iam.Targets(w.control)}, now)
	server := wire.NewServer(wire.Config{
		Verify: w.control, Account: account, Region: "us-east-1", AlibabaRegion: region.Default, Now: now,
		HasRegion: func(name string) bool { _, ok := region.Get(name); return ok },
		Authorize: func(ctx context.Context, c *wire.Call, in any) error {
			if c.Dialect == wire.Alibaba {
				return auth.Authorize(ctx, c, in)
			}
			return awsAuth.Authorize(ctx, c, in)
		},
	})
	for _, s := range []*wire.Service{vpc.New(w.control), ecs.New(w.control, nil), ram.New(w.control), sts.New(w.control, auth), resourcemanager.New(w.control),
		sls.New(w.logs, now), pvtz.New(w.control), vpcpeer.New(w.control), cbn.New(w.control), privatelink.New(w.control), iam.New(w.control), fc.New(w.control, idle{}, fc.Options{})} {
		server.Add(s)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	w.host = strings.TrimPrefix(web.URL, "http://")
	return w
}

// caller calls with one key. Its request methods send to the world.
type caller struct {
	w   *world
	ram *sdkram.Client
	sts *sdksts.Client
	vpc *sdkvpc.Client
	rm  *sdkrm.Client
}

func (w *world) root() caller { return w.as("test", "test", "") }

func (w *world) as(id, secret, token string) caller {
	c := caller{w: w}
	var err error
	note := func(e error) {
		if e != nil {
			err = e
		}
	}
	const r = region.Default
	if token != "" {
		var e [4]error
		c.ram, e[0] = sdkram.NewClientWithStsToken(r, id, secret, token)
		c.sts, e[1] = sdksts.NewClientWithStsToken(r, id, secret, token)
		c.vpc, e[2] = sdkvpc.NewClientWithStsToken(r, id, secret, token)
		c.rm, e[3] = sdkrm.NewClientWithStsToken(r, id, secret, token)
		note(errors.Join(e[:]...))
	} else {
		var e [4]error
		c.ram, e[0] = sdkram.NewClientWithAccessKey(r, id, secret)
		c.sts, e[1] = sdksts.NewClientWithAccessKey(r, id, secret)
		c.vpc, e[2] = sdkvpc.NewClientWithAccessKey(r, id, secret)
		c.rm, e[3] = sdkrm.NewClientWithAccessKey(r, id, secret)
		note(errors.Join(e[:]...))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) session(c sdksts.Credentials) caller {
	return w.as(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken)
}

// to points a request of the SDK at the world.
func to[R requests.AcsRequest](w *world, r R) R {
	r.SetDomain(w.host)
	r.SetScheme("http")
	return r
}

// ok wants no error.
func ok[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused wants an error with this status and code.
func refused[T any](_ T, err error) func(t *testing.T, status int, code string) {
	return func(t *testing.T, status int, code string) {
		t.Helper()
		var e *alierrors.ServerError
		if !errors.As(err, &e) {
			t.Fatalf("got %v, want the code %s", err, code)
		}
		if e.HttpStatus() != status || e.ErrorCode() != code {
			t.Errorf("got %d %s (%s), want %d %s", e.HttpStatus(), e.ErrorCode(), e.Message(), status, code)
		}
	}
}
