# A function in the private subnets, and who may do what.

data "aws_caller_identity" "me" {}

data "aws_region" "here" {}

data "aws_partition" "here" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "fn" {
  name               = "fn"
  path               = "/service/"
  description        = "the function's"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { team = "net" }
}

data "aws_iam_policy" "vpc_access" {
  name = "AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy_attachment" "vpc_access" {
  role       = aws_iam_role.fn.name
  policy_arn = data.aws_iam_policy.vpc_access.arn
}

data "aws_iam_policy_document" "look" {
  statement {
    actions   = ["ec2:Describe*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "look" {
  name   = "look"
  policy = data.aws_iam_policy_document.look.json
  tags   = { team = "net" }
}

resource "aws_iam_role_policy_attachment" "look" {
  role       = aws_iam_role.fn.name
  policy_arn = aws_iam_policy.look.arn
}

resource "aws_iam_role_policy" "call" {
  name = "call"
  role = aws_iam_role.fn.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "lambda:InvokeFunction", Resource = "*" }]
  })
}

resource "aws_iam_user" "ci" {
  name = "ci"
}

resource "aws_iam_access_key" "ci" {
  user = aws_iam_user.ci.name
}

resource "aws_iam_user_policy_attachment" "ci" {
  user       = aws_iam_user.ci.name
  policy_arn = aws_iam_policy.look.arn
}

resource "aws_cloudwatch_log_group" "fn" {
  name              = "/aws/lambda/page"
  retention_in_days = 14
  tags              = { team = "net" }
}

variable "zip" {
  type = string
}

resource "aws_lambda_function" "page" {
  function_name    = "page"
  description      = "fetches a page"
  role             = aws_iam_role.fn.arn
  runtime          = "python3.12"
  handler          = "lambda_function.lambda_handler"
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  timeout          = 5
  memory_size      = 256
  publish          = true
  environment {
    variables = { PAGE = "https://aws.amazon.com/" }
  }
  vpc_config {
    subnet_ids                  = aws_subnet.private[*].id
    security_group_ids          = [aws_security_group.rules.id]
    ipv6_allowed_for_dual_stack = true
  }
  tags = { team = "net" }
  depends_on = [
    aws_cloudwatch_log_group.fn,
    aws_iam_role_policy_attachment.vpc_access,
  ]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "what callers use"
  function_name    = aws_lambda_function.page.function_name
  function_version = aws_lambda_function.page.version
}

resource "aws_lambda_permission" "events" {
  statement_id   = "events"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.page.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "events.amazonaws.com"
  source_account = data.aws_caller_identity.me.account_id
}

resource "aws_lambda_function_event_invoke_config" "page" {
  function_name                = aws_lambda_function.page.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 120
}

output "function" {
  value = aws_lambda_function.page.function_name
}

output "alias" {
  value = aws_lambda_alias.live.name
}

output "account" {
  value = data.aws_caller_identity.me.account_id
}

output "default_subnets" {
  value = length(data.aws_subnets.default.ids)
}
