"""Calls an API with keys of one's choice, signed by hand (Signature Version 4)."""
import datetime
import hashlib
import hmac
import os
import ssl
import urllib.error
import urllib.request


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(event, headers, body):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers["x-amz-date"] = now
    if event.get("token"):
        headers["x-amz-security-token"] = event["token"]
    names = sorted(headers)
    scope = "%s/us-east-1/%s/aws4_request" % (now[:8], event["service"])
    canonical = "\n".join([event.get("method", "POST"), event.get("path", "/"), ""] + ["%s:%s" % (n, headers[n]) for n in names]
                          + ["", ";".join(names), hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = mac(mac(mac(mac(("AWS4" + event["secret"]).encode(), now[:8]), "us-east-1"), event["service"]), "aws4_request")
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        event["key"], scope, ";".join(names), mac(key, text).hex())


def handler(event, context):
    if event.get("own"):
        event.update({k: os.environ["AWS_" + v] for k, v in (("key", "ACCESS_KEY_ID"), ("secret", "SECRET_ACCESS_KEY"), ("token", "SESSION_TOKEN"))})
    body = event.get("body", "").encode()
    headers = {"host": event["host"], "content-type": "application/x-www-form-urlencoded"}
    if "key" in event:
        sign(event, headers, body)
    headers.update(event.get("more", {}))
    url = "https://" + event["host"] + event.get("path", "/")
    request = urllib.request.Request(url, body or None, headers, method=event.get("method", "POST"))
    try:
        with urllib.request.urlopen(request, timeout=1, context=ssl.create_default_context()) as r:
            return {"status": r.status, "body": r.read().decode()}
    except urllib.error.HTTPError as e:
        return {"status": e.code, "body": e.read().decode()}
    except (urllib.error.URLError, TimeoutError) as e:
        return {"error": str(e)}
