package sts

import (
	"context"
	"time"

	"weir/internal/cloud"
	"weir/internal/control"
)

// InstanceSession issues credentials of a role to an instance, which the session
// is named after, if the role trusts EC2.
func InstanceSession(ctx context.Context, c *control.Control, account, role string, instance cloud.InstanceID, life time.Duration) (*control.Session, error) {
	r, ok := cloud.Roles.Get(c.View(), cloud.AccountKey(account, role))
	if !ok || c.ServiceMayAssume("ec2.amazonaws.com", r) != nil {
		return nil, cloud.Errorf(cloud.Denied, cloud.KindInstance, string(instance), "role", "EC2 cannot assume the role %s. Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.", role)
	}
	return c.IssueSession(ctx, principal(r, string(instance)), sessionKeyID(), life)
}
