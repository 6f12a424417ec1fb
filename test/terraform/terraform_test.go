package terraform

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestTerraform applies testdata, plans again, calls the function and destroys.
func TestTerraform(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a daemon and runs Terraform; not with -short")
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	plugins := pluginDir()
	if plugins == "" {
		t.Skip("Terraform's AWS provider is not installed: put it in a plug-in directory and name that with WEIR_TF_PLUGINS")
	}
	d := startDaemon(t)
	tf := newWorkspace(t, program, plugins, d)

	tf.run("init", "-input=false", "-no-color")
	before := leftovers(t, d)
	tf.run("apply", "-auto-approve", "-input=false", "-no-color")
	tf.run("plan", "-detailed-exitcode", "-input=false", "-no-color") // 2 if anything would change

	outputs := tf.outputs()
	if outputs["account"] != "000000000000" || outputs["default_subnets"] != 6.0 {
		t.Errorf("outputs %v; want account 000000000000 and a default subnet in each of us-east-1's 6 zones", outputs)
	}
	for _, qualifier := range []string{"$LATEST", outputs["alias"].(string)} {
		if got := invoke(t, d, outputs["function"].(string), qualifier); got != "200" {
			t.Errorf("the function, qualifier %s, answered %s; want 200", qualifier, got)
		}
	}

	tf.run("destroy", "-auto-approve", "-input=false", "-no-color")
	if after := leftovers(t, d); after != before {
		t.Errorf("VPCs and interfaces after destroy: %+v; before apply: %+v", after, before)
	}
}

// pluginDir finds a directory laid out as a provider mirror with the AWS provider in it.
func pluginDir() string {
	home, _ := os.UserHomeDir()
	for _, dir := range []string{
		os.Getenv("WEIR_TF_PLUGINS"), os.Getenv("TF_PLUGIN_CACHE_DIR"),
		filepath.Join(home, ".terraform.d/plugins"), filepath.Join(home, ".terraform.d/plugin-cache"),
		"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/terraform/plugins", "/opt/tf-plugins",
	} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "registry.terraform.io/hashicorp/aws")); err == nil {
			return dir
		}
	}
	return ""
}

// workspace is a directory Terraform works in.
type workspace struct {
	t       *testing.T
	program string
	dir     string
	env     []string
}

func newWorkspace(t *testing.T, program, plugins string, d *daemon) *workspace {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(dir, "terraformrc")
	writeFile(t, rc, `provider_installation {
  filesystem_mirror {
    path = "`+plugins+`"
  }
}
`)
	zip := filepath.Join(dir, "page.zip")
	writeFile(t, zip, string(zipped(t, "lambda_function.py", page)))
	return &workspace{t: t, program: program, dir: dir, env: append(os.Environ(),
		"TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_VAR_zip="+zip,
		"AWS_ENDPOINT_URL="+d.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PROFILE=",
	)}
}

// run runs a Terraform command and fails the test with its output unless it exits 0.
func (w *workspace) run(args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.program, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	w.t.Logf("terraform %s took %v", args[0], time.Since(start).Round(time.Millisecond))
	return string(out)
}

func (w *workspace) outputs() map[string]any {
	w.t.Helper()
	var raw map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(w.run("output", "-json")), &raw); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]any{}
	for name, o := range raw {
		out[name] = o.Value
	}
	return out
}

func config(d *daemon) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: &d.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// invoke calls the function and returns its payload, which for an error is its description.
func invoke(t *testing.T, d *daemon, function, qualifier string) string {
	t.Helper()
	out, err := lambda.NewFromConfig(config(d)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function, Qualifier: &qualifier})
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Payload)
}

// counts are what must be as before once everything is destroyed.
type counts struct{ vpcs, interfaces, addresses, groups, acls, tables int }

func leftovers(t *testing.T, d *daemon) counts {
	t.Helper()
	c := ec2.NewFromConfig(config(d))
	vpcs, err := c.DescribeVpcs(t.Context(), nil)
	must(t, err)
	interfaces, err := c.DescribeNetworkInterfaces(t.Context(), nil)
	must(t, err)
	addresses, err := c.DescribeAddresses(t.Context(), nil)
	must(t, err)
	groups, err := c.DescribeSecurityGroups(t.Context(), nil)
	must(t, err)
	acls, err := c.DescribeNetworkAcls(t.Context(), nil)
	must(t, err)
	tables, err := c.DescribeRouteTables(t.Context(), nil)
	must(t, err)
	return counts{len(vpcs.Vpcs), len(interfaces.NetworkInterfaces), len(addresses.Addresses), len(groups.SecurityGroups),
		len(acls.NetworkAcls), len(tables.RouteTables)}
}
