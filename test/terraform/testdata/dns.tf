# A private zone, shared with a second VPC, and records in it.

resource "aws_route53_zone" "private" {
  name    = "corp.example.com"
  comment = "the function's"
  vpc {
    vpc_id = aws_vpc.main.id
  }
  tags = { team = "net" }
  lifecycle {
    ignore_changes = [vpc] # the second VPC has a resource of its own
  }
}

resource "aws_vpc" "second" {
  cidr_block           = "10.77.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_route53_vpc_association_authorization" "second" {
  zone_id = aws_route53_zone.private.id
  vpc_id  = aws_vpc.second.id
}

resource "aws_route53_zone_association" "second" {
  zone_id = aws_route53_vpc_association_authorization.second.zone_id
  vpc_id  = aws_route53_vpc_association_authorization.second.vpc_id
}

resource "aws_route53_record" "host" {
  zone_id = aws_route53_zone.private.id
  name    = "*.corp.example.com"
  type    = "A"
  ttl     = 60
  records = ["10.0.0.9", "10.0.0.8"]
}

resource "aws_route53_record" "text" {
  zone_id = aws_route53_zone.private.id
  name    = "corp.example.com"
  type    = "TXT"
  ttl     = 60
  records = ["v=spf1 -all", "say \\\"hello\\\""]
}

resource "aws_route53_record" "endpoint" {
  zone_id = aws_route53_zone.private.id
  name    = "lambda.corp.example.com"
  type    = "A"
  alias {
    name                   = aws_vpc_endpoint.lambda.dns_entry[0].dns_name
    zone_id                = aws_vpc_endpoint.lambda.dns_entry[0].hosted_zone_id
    evaluate_target_health = true
  }
}

data "aws_route53_zone" "private" {
  zone_id      = aws_route53_zone.private.zone_id
  private_zone = true
}
