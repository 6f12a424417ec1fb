# A host in a private subnet.

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-*"]
  }
}

data "aws_ec2_instance_type" "micro" {
  instance_type = "t3.micro"
}

resource "aws_instance" "host" {
  ami                    = data.aws_ami.linux.id
  instance_type          = data.aws_ec2_instance_type.micro.instance_type
  subnet_id              = aws_subnet.private[0].id
  private_ip             = cidrhost(aws_subnet.private[0].cidr_block, 20)
  vpc_security_group_ids = [aws_security_group.rules.id]
  user_data              = "#!/bin/sh\necho hello\n"
  tags                   = { Name = "host" }
}
