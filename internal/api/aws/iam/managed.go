package iam

import (
	"crypto/sha256"
	"encoding/base32"
	"time"

	"weir/internal/cloud"
)

// managedSince is when the policies below were (or, here, might have been) made.
var managedSince = time.Date(2015, 2, 6, 18, 40, 0, 0, time.UTC)

func allow(actions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`
}

// managed are AWS's own policies that people attach to roles and users of what
// Weir implements.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var managed = []struct{ path, name, description, document string }{
	{"/", "AdministratorAccess", "Provides full access to AWS services and resources.", allow(`"*"`)},
	{"/", "PowerUserAccess", "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization","account:ListRegions","account:GetAccountInformation"],"Resource":"*"}]}`},
	{"/", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.",
		allow(`["ec2:Describe*","ec2:Get*","ec2:Search*","iam:Get*","iam:List*","iam:Simulate*","lambda:Get*","lambda:List*","logs:Describe*","logs:Get*","logs:FilterLogEvents","logs:List*","s3:Get*","s3:List*","sts:Get*","cloudformation:Describe*","cloudformation:Get*","cloudformation:List*"]`)},
	{"/", "AmazonEC2FullAccess", "Provides full access to Amazon EC2 via the AWS Management Console.", allow(`["ec2:*","elasticloadbalancing:*","cloudwatch:*","autoscaling:*"]`)},
	{"/", "AmazonEC2ReadOnlyAccess", "Provides read only access to Amazon EC2 via the AWS Management Console.", allow(`["ec2:Describe*","ec2:GetSecurityGroupsForVpc"]`)},
	{"/", "AmazonVPCFullAccess", "Provides full access to Amazon VPC via the AWS Management Console.", allow(`["ec2:*"]`)},
	{"/", "AmazonVPCReadOnlyAccess", "Provides read only access to Amazon VPC via the AWS Management Console.", allow(`["ec2:Describe*","ec2:Get*","ec2:Search*"]`)},
	{"/", "IAMFullAccess", "Provides full access to IAM via the AWS Management Console.", allow(`["iam:*","organizations:DescribeOrganization"]`)},
	{"/", "IAMReadOnlyAccess", "Provides read only access to IAM via the AWS Management Console.", allow(`["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"]`)},
	{"/", "AWSLambda_FullAccess", "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:DescribeStacks","cloudformation:ListStackResources","cloudwatch:GetMetricData","cloudwatch:ListMetrics","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","iam:GetPolicy","iam:GetPolicyVersion","iam:GetRole","iam:GetRolePolicy","iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles","lambda:*","logs:DescribeLogGroups","states:DescribeStateMachine","states:ListStateMachines","tag:GetResources"],"Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}},{"Effect":"Allow","Action":["logs:DescribeLogStreams","logs:GetLogEvents","logs:FilterLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:/aws/lambda/*"}]}`},
	{"/", "AWSLambda_ReadOnlyAccess", "Grants read-only access to AWS Lambda service.", allow(`["lambda:Get*","lambda:List*","logs:DescribeLogGroups","ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","iam:GetRole","iam:ListRoles"]`)},
	{"/", "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs", allow(`["logs:*","cloudwatch:GenerateQuery"]`)},
	{"/", "CloudWatchLogsReadOnlyAccess", "Provides read only access to CloudWatch Logs", allow(`["logs:Describe*","logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery","logs:TestMetricFilter","logs:FilterLogEvents"]`)},
	{"/", "AmazonS3FullAccess", "Provides full access to all buckets via the AWS Management Console.", allow(`["s3:*","s3-object-lambda:*"]`)},
	{"/", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets via the AWS Management Console.", allow(`["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"]`)},
	{"/", "AmazonSSMManagedInstanceCore", "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.",
		allow(`["ssm:DescribeAssociation","ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument","ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ssm:ListAssociations","ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackageResult","ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation","ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel","ec2messages:AcknowledgeMessage","ec2messages:DeleteMessage","ec2messages:FailMessage","ec2messages:GetEndpoint","ec2messages:GetMessages","ec2messages:SendReply"]`)},
	{"/", "CloudWatchAgentServerPolicy", "Permissions required to use AmazonCloudWatchAgent on servers",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudwatch:PutMetricData","ec2:DescribeVolumes","ec2:DescribeTags","logs:PutLogEvents","logs:PutRetentionPolicy","logs:DescribeLogStreams","logs:DescribeLogGroups","logs:CreateLogStream","logs:CreateLogGroup","xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"],"Resource":"*"},{"Effect":"Allow","Action":["ssm:GetParameter"],"Resource":"arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}]}`},
	{"/", "AmazonEC2ContainerRegistryReadOnly", "Provides read-only access to Amazon EC2 Container Registry repositories.",
		allow(`["ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings"]`)},
	{"/", "AWSXRayDaemonWriteAccess", "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API and retrieve sampling data (rules, targets, etc.) to be used by the X-Ray SDK.",
		allow(`["xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"]`)},
	{"/", "AmazonSQSFullAccess", "Provides full access to Amazon SQS via the AWS Management Console.", allow(`["sqs:*"]`)},
	{"/", "AmazonSNSFullAccess", "Provides full access to Amazon SNS via the AWS Management Console.", allow(`["sns:*"]`)},
	{"/", "AmazonDynamoDBFullAccess", "Provides full access to Amazon DynamoDB via the AWS Management Console.", allow(`["dynamodb:*","dax:*"]`)},
	{"/", "IAMUserChangePassword", "Provides the ability for an IAM user to change their own password.",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ChangePassword"],"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy"],"Resource":"*"}]}`},
	{"/service-role/", "AWSLambdaSQSQueueExecutionRole", "Provides receive message, delete message, and read attribute access to SQS queues, and write permissions to CloudWatch logs.",
		allow(`["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"]`)},
	{"/service-role/", "AWSLambdaDynamoDBExecutionRole", "Provides list and read access to DynamoDB streams and write permissions to CloudWatch logs.",
		allow(`["dynamodb:DescribeStream","dynamodb:GetRecords","dynamodb:GetShardIterator","dynamodb:ListStreams","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"]`)},
	{"/service-role/", "AWSLambdaKinesisExecutionRole", "Provides list and read access to Kinesis streams and write permissions to CloudWatch logs.",
		allow(`["kinesis:DescribeStream","kinesis:DescribeStreamSummary","kinesis:GetRecords","kinesis:GetShardIterator","kinesis:ListShards","kinesis:ListStreams","kinesis:SubscribeToShard","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"]`)},
	{"/service-role/", "AWSLambdaBasicExecutionRole", "Provides write permissions to CloudWatch Logs.",
		allow(`["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"]`)},
	{"/service-role/", "AWSLambdaVPCAccessExecutionRole", "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC - create, describe, delete network interfaces and write permissions to CloudWatch Logs.",
		allow(`["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DescribeSubnets","ec2:DeleteNetworkInterface","ec2:AssignPrivateIpAddresses","ec2:UnassignPrivateIpAddresses"]`)},
	{"/service-role/", "AWSLambdaENIManagementAccess", "Provides minimum permissions for a Lambda function to manage ENIs (create, describe, delete) used by a VPC-enabled Lambda Function.",
		allow(`["ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DeleteNetworkInterface"]`)},
	{"/service-role/", "AWSLambdaRole", "Default policy for AWS Lambda service role.", allow(`["lambda:InvokeFunction"]`)},
}

// Managed are the platform's own policies in the state's form.
func Managed() []cloud.Policy {
	out := make([]cloud.Policy, len(managed))
	for i, m := range managed {
		sum := sha256.Sum256([]byte(m.name))
		out[i] = cloud.Policy{
			Meta: cloud.Meta{Created: managedSince},
			ID:   "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17], ARN: "arn:aws:iam::aws:policy" + m.path + m.name,
			Name: m.name, Path: m.path, Description: m.description, Default: "v1", NextVersion: 2,
			Versions: []cloud.PolicyVersion{{ID: "v1", Document: m.document, Created: managedSince}},
		}
	}
	return out
}
