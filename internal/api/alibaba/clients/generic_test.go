package clients

import (
	"errors"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
)

// generic calls as the SDKs of the present generation do: with the third
// signature, and an action that is no parameter.
func (w *world) generic(t *testing.T, secret, action, version string, query map[string]*string) (map[string]any, error) {
	t.Helper()
	c, err := openapi.NewClient(&openapi.Config{
		AccessKeyId: tea.String("test"), AccessKeySecret: &secret, Endpoint: &w.host, Protocol: tea.String("http"), RegionId: tea.String("cn-shanghai"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.CallApi(&openapi.Params{
		Action: &action, Version: &version, Protocol: tea.String("HTTP"), Method: tea.String("POST"), AuthType: tea.String("AK"),
		Style: tea.String("RPC"), Pathname: tea.String("/"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: query}, &util.RuntimeOptions{})
}

func TestGenericClient(t *testing.T) {
	w := newWorld(t)
	out, err := w.generic(t, "test", "DescribeZones", "2016-04-28", map[string]*string{"RegionId": tea.String("cn-beijing")})
	if err != nil {
		t.Fatal(err)
	}
	zones := out["body"].(map[string]any)["Zones"].(map[string]any)["Zone"].([]any)
	if len(zones) < 9 || zones[0].(map[string]any)["ZoneId"] != "cn-beijing-i" {
		t.Errorf("zones %v", zones)
	}
	for _, c := range []struct{ secret, action, version, code string }{
		{"wrong", "DescribeZones", "2016-04-28", "SignatureDoesNotMatch"},
		{"test", "NoSuch", "2016-04-28", "InvalidAction.NotFound"},
		{"test", "DescribeZones", "2016-04-29", "InvalidAction.NotFound"},
		{"test", "CreateRole", "2015-05-01", "MissingAssumeRolePolicyDocument"},
	} {
		_, err := w.generic(t, c.secret, c.action, c.version, nil)
		var e *tea.SDKError
		if !errors.As(err, &e) || tea.StringValue(e.Code) != c.code {
			t.Errorf("%s %s: %v, want %s", c.version, c.action, err, c.code)
		}
	}
}
