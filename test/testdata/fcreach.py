import json
import socket
import urllib.request


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as r:
            return r.read().decode()
    except urllib.error.HTTPError as e:
        return "HTTP %d" % e.code
    except Exception as e:
        return "failed: %s" % e


def connect(host, port):
    try:
        with socket.create_connection((host, port), timeout=2) as s:
            return s.recv(100).decode()
    except Exception as e:
        return "failed: %s" % e


def handler(event, context):
    ask = json.loads(event)
    out = {}
    for name, url in ask.get("fetch", {}).items():
        out[name] = fetch(url)
    for name, (host, port) in ask.get("connect", {}).items():
        out[name] = connect(host, port)
    if ask.get("credentials"):
        c = context.credentials
        out.update(id=c.access_key_id, secret=c.access_key_secret, token=c.security_token)
    if ask.get("resolv"):
        out["resolv"] = open("/etc/resolv.conf").read()
    return out
