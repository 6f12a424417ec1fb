# Security groups and network ACLs, in each way there is to declare their rules.

resource "aws_security_group" "inline" {
  name        = "inline"
  description = "rules inline"
  vpc_id      = aws_vpc.main.id
  ingress {
    description = "web"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.main.cidr_block]
  }
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    self      = true
  }
  ingress {
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    prefix_list_ids = [aws_ec2_managed_prefix_list.offices.id]
    security_groups = [aws_security_group.rules.id]
  }
  ingress {
    from_port   = 8
    to_port     = -1
    protocol    = "icmp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
  tags = { Name = "inline" }
}

resource "aws_security_group" "rules" {
  name_prefix = "rules-"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "rules" }
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.rules.id
  description       = "web from anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 80
  to_port           = 80
  ip_protocol       = "tcp"
  tags              = { Name = "web" }
}

resource "aws_vpc_security_group_ingress_rule" "itself" {
  security_group_id            = aws_security_group.rules.id
  referenced_security_group_id = aws_security_group.rules.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "out4" {
  security_group_id = aws_security_group.rules.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "out6" {
  security_group_id = aws_security_group.rules.id
  cidr_ipv6         = "::/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.rules.id
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "old" {
  name   = "old"
  vpc_id = aws_vpc.main.id
}

resource "aws_security_group_rule" "in" {
  security_group_id        = aws_security_group.old.id
  type                     = "ingress"
  from_port                = 5432
  to_port                  = 5432
  protocol                 = "tcp"
  source_security_group_id = aws_security_group.rules.id
  description              = "database"
}

resource "aws_security_group_rule" "out" {
  security_group_id = aws_security_group.old.id
  type              = "egress"
  from_port         = 0
  to_port           = 65535
  protocol          = "udp"
  cidr_blocks       = ["10.0.0.0/8", "172.16.0.0/12"]
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_network_acl" "inline" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.public[1].id]
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  ingress {
    rule_no         = 110
    action          = "deny"
    protocol        = "tcp"
    ipv6_cidr_block = "::/0"
    from_port       = 22
    to_port         = 22
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  tags = { Name = "inline" }
}

resource "aws_network_acl" "rules" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "rules" }
}

resource "aws_network_acl_rule" "ping" {
  network_acl_id = aws_network_acl.rules.id
  rule_number    = 90
  egress         = true
  protocol       = "icmp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/8"
  icmp_type      = 8
  icmp_code      = -1
}

resource "aws_network_acl_rule" "web" {
  network_acl_id = aws_network_acl.rules.id
  rule_number    = 100
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "0.0.0.0/0"
  from_port      = 443
  to_port        = 443
}

resource "aws_network_acl_association" "rules" {
  network_acl_id = aws_network_acl.rules.id
  subnet_id      = aws_subnet.spare.id
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  ingress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 0
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    ipv6_cidr_block = "::/0"
    from_port       = 0
    to_port         = 0
  }
  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_network_interface" "spare" {
  subnet_id       = aws_subnet.private[0].id
  description     = "spare"
  private_ips     = ["10.20.10.40", "10.20.10.41"]
  security_groups = [aws_security_group.inline.id, aws_security_group.rules.id]
  tags            = { Name = "spare" }
}

resource "aws_eip" "spare" {
  domain            = "vpc"
  network_interface = aws_network_interface.spare.id
  depends_on        = [aws_internet_gateway.main]
}
