#!/usr/bin/python3
"""A database of a kind, on an ECS instance that first tells what it knows of itself."""
import socket
import urllib.request

ABOUT = "http://100.100.100.200/latest/"


def get(path, **headers):
    try:
        request = urllib.request.Request(ABOUT + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return urllib.request.urlopen(request, timeout=5).read().decode()
    except Exception as e:
        return "failed: %s" % e


token = urllib.request.urlopen(urllib.request.Request(
    ABOUT + "api/token", method="PUT", headers={"X-aliyun-ecs-metadata-token-ttl-seconds": "60"})).read().decode()
print("id", get("meta-data/instance-id", X_aliyun_ecs_metadata_token=token))
print("zone", get("meta-data/zone-id"))
role = get("meta-data/ram/security-credentials/")
print("role", role)
print("credentials", get("meta-data/ram/security-credentials/" + role).replace("\n", ""), flush=True)

server = socket.create_server(("", 5432))
print("serving", flush=True)
while True:
    c, peer = server.accept()
    c.sendall(b"hello " + peer[0].encode())
    c.close()
