import json


def handler(event, context):
    e = json.loads(event)
    if e["rawPath"].startswith("/fail"):
        raise ValueError("as asked")
    return {"statusCode": 200, "headers": {"X-Path": e["rawPath"]}, "body": e["requestContext"]["http"]["method"] + " " + e["rawPath"] + " " + e["body"]}
