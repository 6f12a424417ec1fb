"""Calls APIs from inside a VPC, signed by hand (Signature Version 4), and says what became of it."""
import datetime
import hashlib
import hmac
import http.client
import os
import socket
import ssl
import time


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(event, host, body):
    key = event.get("key") or os.environ["AWS_ACCESS_KEY_ID"]
    secret = event.get("secret") or os.environ["AWS_SECRET_ACCESS_KEY"]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-date": now}
    if "key" not in event:
        headers["x-amz-security-token"] = os.environ["AWS_SESSION_TOKEN"]
    names = sorted(headers)
    scope = "%s/us-east-1/%s/aws4_request" % (now[:8], event["service"])
    path, _, query = event["path"].partition("?")
    canonical = "\n".join([event.get("method", "GET"), path, query] + ["%s:%s" % (n, headers[n]) for n in names]
                          + ["", ";".join(names), hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing = mac(mac(mac(mac(("AWS4" + secret).encode(), now[:8]), "us-east-1"), event["service"]), "aws4_request")
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        key, scope, ";".join(names), mac(signing, text).hex())
    return headers


def call(event):
    host, body = event["host"], event.get("body", "").encode()
    c = http.client.HTTPSConnection(host, timeout=event.get("timeout", 1.5), context=ssl.create_default_context())
    c.request(event.get("method", "GET"), event["path"], body or None, signed(event, host, body))
    r = c.getresponse()
    return {"status": r.status, "body": r.read().decode(), "to": c.sock.getpeername()[0] if c.sock else ""}


def idle(event):
    """Asks twice on one connection with a pause between."""
    s = socket.create_connection((event["host"], 80), 2)
    if event.get("keepalive"):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    ask = b"GET /2016-08-19/account-settings/ HTTP/1.1\r\nHost: lambda.us-east-1.amazonaws.com\r\n\r\n"
    for pause in (0, event["pause"]):
        time.sleep(pause)
        s.sendall(ask)
        got = s.recv(65536)
    return {"status": int(got.split()[1]) if got else 0}


def handler(event, context):
    try:
        if "resolve" in event:
            return {"addrs": sorted({a[4][0] for a in socket.getaddrinfo(event["resolve"], 443, socket.AF_INET)})}
        return idle(event) if "pause" in event else call(event)
    except OSError as e:
        return {"error": type(e).__name__}
