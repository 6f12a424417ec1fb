package iam

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"

	"weir/internal/api/wire"
	"weir/internal/cloud"
	"weir/internal/control"
)

const serviceRolePath = "/aws-service-role/"

// serviceRoles are the names of the roles that services link to themselves.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var serviceRoles = map[string]string{
	"autoscaling.amazonaws.com":                          "AutoScaling",
	"ecs.amazonaws.com":                                  "ECS",
	"ec2-instance-connect.amazonaws.com":                 "EC2InstanceConnect",
	"eks.amazonaws.com":                                  "AmazonEKS",
	"elasticache.amazonaws.com":                          "ElastiCache",
	"elasticfilesystem.amazonaws.com":                    "AmazonElasticFileSystem",
	"elasticloadbalancing.amazonaws.com":                 "ElasticLoadBalancing",
	"es.amazonaws.com":                                   "AmazonElasticsearchService",
	"fsx.amazonaws.com":                                  "AmazonFSx",
	"ipam.amazonaws.com":                                 "IPAM",
	"kafka.amazonaws.com":                                "Kafka",
	"lambda.amazonaws.com":                               "Lambda",
	"natgateway.amazonaws.com":                           "NATGateway",
	"network-firewall.amazonaws.com":                     "NetworkFirewall",
	"ops.apigateway.amazonaws.com":                       "APIGateway",
	"organizations.amazonaws.com":                        "Organizations",
	"rds.amazonaws.com":                                  "RDS",
	"reachabilityanalyzer.networkinsights.amazonaws.com": "ReachabilityAnalyzer",
	"replicator.lambda.amazonaws.com":                    "LambdaReplicator",
	"spot.amazonaws.com":                                 "EC2Spot",
	"spotfleet.amazonaws.com":                            "EC2SpotFleet",
	"support.amazonaws.com":                              "Support",
	"transitgateway.amazonaws.com":                       "VPCTransitGateway",
	"trustedadvisor.amazonaws.com":                       "TrustedAdvisor",
	"vpc-lattice.amazonaws.com":                          "VpcLattice",
	"vpcorigin.cloudfront.amazonaws.com":                 "CloudFrontVPCOrigin",
}

// suffixable are the services that take a suffix, to have several roles.
var suffixable = map[string]bool{"autoscaling.amazonaws.com": true}

func (a *api) createServiceLinkedRole(ctx context.Context, in *CreateServiceLinkedRoleInput) (*CreateServiceLinkedRoleOutput, error) {
	service := *in.AWSServiceName
	name, ok := serviceRoles[service]
	if !ok {
		return nil, &wire.Error{Code: "InvalidInput", Msg: "Cannot find Service Linked Role template for " + service}
	}
	name = "AWSServiceRoleFor" + name
	if in.CustomSuffix != nil {
		if !suffixable[service] {
			return nil, &wire.Error{Code: "InvalidInput", Msg: "Custom suffix is not allowed for " + service}
		}
		name += "_" + *in.CustomSuffix
	}
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":[%q]}}]}`, service)
	r, err := a.control.CreateRole(ctx, caller(ctx), control.CreateRole{
		Name: name, Path: serviceRolePath + service + "/", Description: str(in.Description), Trust: trust, Service: service,
	})
	if cloud.IsKind(err, cloud.Exists) {
		return nil, &wire.Error{Code: "InvalidInput", Msg: "Service role name " + name + " has been taken in this account, please try a different suffix."}
	}
	if err != nil {
		return nil, err
	}
	return &CreateServiceLinkedRoleOutput{Role: madeRole(r)}, nil
}

// deleteServiceLinkedRole deletes at once, since no service here uses such a role;
// the task that it answers is over.
func (a *api) deleteServiceLinkedRole(ctx context.Context, in *DeleteServiceLinkedRoleInput) (*DeleteServiceLinkedRoleOutput, error) {
	r, err := a.control.Role(account(ctx), *in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := a.control.DeleteServiceRole(ctx, r.Account, r.Name); err != nil {
		return nil, err
	}
	b := make([]byte, 16)
	rand.Read(b)
	task := fmt.Sprintf("task%s%s/%x-%x-%x-%x-%x", r.Path, r.Name, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return &DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, nil
}

var deletionTask = regexp.MustCompile(`^task/aws-service-role/[^/]+/([^/]+)/[0-9a-f-]{36}$`)

func (a *api) getServiceLinkedRoleDeletionStatus(ctx context.Context, in *GetServiceLinkedRoleDeletionStatusInput) (*GetServiceLinkedRoleDeletionStatusOutput, error) {
	m := deletionTask.FindStringSubmatch(*in.DeletionTaskId)
	if m == nil || !strings.HasPrefix(m[1], "AWSServiceRoleFor") {
		return nil, &wire.Error{Code: "NoSuchEntity", Status: 404, Msg: "Deletion task ID " + *in.DeletionTaskId + " cannot be found."}
	}
	return &GetServiceLinkedRoleDeletionStatusOutput{Status: DeletionTaskStatusTypeSUCCEEDED}, nil
}
