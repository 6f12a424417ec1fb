// Package targets says what calls on EC2, Lambda and CloudWatch Logs act on, and
// with which condition keys, for their authorisation.
//
// Invariants: it reads the state and the call, and decides nothing; a call that
// names nothing acts on "*", which a policy for single resources does not allow.
package targets

import (
	"strings"

	"weir/internal/api/aws/access"
	"weir/internal/api/aws/lambda"
	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

// Lambda lists the function that a call names, with its own policy.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
func Lambda(c *control.Control) access.Lister {
	return func(call *wire.Call, in any) []access.Target {
		v := c.View()
		action, arns := lambda.Resources(call, in)
		keys := functionNetwork(v, in)
		var out []access.Target
		for _, arn := range arns {
			t := access.Target{Action: action, ARN: arn, Keys: access.Keys{}}
			for k, values := range keys {
				t.Keys[k] = values
			}
			if key, qualifier, ok := lambda.ParseDestination(arn); ok {
				t.Owner, _, _ = strings.Cut(string(key), "/")
				if f, ok := cloud.Functions.Get(v, key); ok {
					t.Policy = f.Policies[qualifier].Document
					for k, values := range access.ResourceTags(f.Tags, "") {
						t.Keys[k] = values
					}
				}
			}
			out = append(out, t)
		}
		return out
	}
}

// functionNetwork are the condition keys of a function's VPC settings.
func functionNetwork(v cloud.View, in any) access.Keys {
	var config *lambda.VpcConfig
	switch in := in.(type) {
	case *lambda.CreateFunctionInput:
		config = in.VpcConfig
	case *lambda.UpdateFunctionConfigurationInput:
		config = in.VpcConfig
	}
	if config == nil || len(config.SubnetIds) == 0 {
		return nil
	}
	k := access.Keys{"lambda:SubnetIds": config.SubnetIds, "lambda:SecurityGroupIds": config.SecurityGroupIds}
	if s, ok := cloud.Subnets.Get(v, cloud.SubnetID(config.SubnetIds[0])); ok {
		k["lambda:VpcIds"] = []string{string(s.VPC)}
	}
	return k
}

// PassRole is what gives a role to a function: the caller must be allowed to,
// and the role must be of its own account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func PassRole(auth *access.Authorizer, call *wire.Call, role string) error {
	_, _, owner, _, ok := access.Split(role)
	if ok && owner != call.Account {
		return &wire.Error{Code: "AccessDeniedException", Status: 403, Msg: "Cross-account pass role is not allowed."}
	}
	return passRole(auth, call, role, "lambda.amazonaws.com")
}

// PassInstanceRole is PassRole for an instance, whose profile has the role.
func PassInstanceRole(auth *access.Authorizer, call *wire.Call, role string) error {
	return passRole(auth, call, role, "ec2.amazonaws.com")
}

// PassFlowRole is PassRole for the service that writes flow logs.
func PassFlowRole(auth *access.Authorizer, call *wire.Call, role string) error {
	return passRole(auth, call, role, "vpc-flow-logs.amazonaws.com")
}

func passRole(auth *access.Authorizer, call *wire.Call, role, service string) error {
	return auth.Check(call, access.Target{Action: "iam:PassRole", ARN: role, Keys: access.Keys{"iam:PassedToService": {service}}})
}

// Logs lists the log group or stream that a call names.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
func Logs(call *wire.Call, in any) []access.Target {
	group := func(name, stream string) string {
		return "arn:aws:logs:" + call.Region + ":" + call.Account + ":log-group:" + name + ":log-stream:" + stream
	}
	t := access.Target{Action: "logs:" + call.Operation, ARN: "*"}
	arn := access.Text(in, "ResourceArn")
	if arn == "" {
		arn = access.Text(in, "LogGroupIdentifier")
	}
	name := access.Text(in, "LogGroupName")
	switch {
	case strings.HasPrefix(arn, "arn:"):
		t.ARN = arn
		if !strings.HasSuffix(call.Operation, "Resource") { // tags hang on the group's plain ARN
			t.ARN = strings.TrimSuffix(arn, ":*") + ":log-stream:" + access.Text(in, "LogStreamName")
		}
	case arn != "":
		t.ARN = group(arn, access.Text(in, "LogStreamName"))
	case name != "":
		t.ARN = group(name, access.Text(in, "LogStreamName"))
	case call.Operation == "DescribeLogGroups", call.Operation == "ListLogGroups":
		t.ARN = group("", "")
	}
	return []access.Target{t}
}
