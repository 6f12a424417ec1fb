# Flow logs of a VPC and of a subnet, to a log group.

resource "aws_cloudwatch_log_group" "flows" {
  name = "flows"
}

resource "aws_iam_role" "flows" {
  name = "flows"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "vpc-flow-logs.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "flows" {
  name = "flows"
  role = aws_iam_role.flows.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.flows.arn}:*" }]
  })
}

resource "aws_flow_log" "vpc" {
  vpc_id          = aws_vpc.main.id
  traffic_type    = "ALL"
  iam_role_arn    = aws_iam_role.flows.arn
  log_destination = aws_cloudwatch_log_group.flows.arn
  tags            = { Name = "flows" }
}

resource "aws_flow_log" "subnet" {
  subnet_id                = aws_subnet.public[0].id
  traffic_type             = "REJECT"
  iam_role_arn             = aws_iam_role.flows.arn
  log_destination          = aws_cloudwatch_log_group.flows.arn
  max_aggregation_interval = 60
  log_format               = "$${version} $${srcaddr} $${dstaddr} $${action} $${flow-direction}"
}
