"""Function Compute's contract for Python functions, on bootstrap.py's frames.

The handler takes the payload as bytes and a context; what it returns is sent as
it is if it is text or bytes, else as JSON.
"""
import json
import logging
import os
import sys
import time
import traceback

import bootstrap
from bootstrap import Fault, Record

ROOT = "/code"


class Credentials(Record):
    pass


class Context(Record):
    def __init__(self, order, head):
        given = json.loads(head[4]) if head[4] else {}
        keys = given.get("credentials") or {}
        fn = order["function"]
        super().__init__(
            request_id=head[0], requestId=head[0],
            credentials=Credentials(access_key_id=keys.get("id", ""), access_key_secret=keys.get("secret", ""),
                                    security_token=keys.get("token", "")),
            function=Record(name=fn["name"], handler=fn["handler"], memory=fn["memory"], timeout=fn["timeout"]),
            service=Record(name="", log_project=fn.get("logProject", ""), log_store=fn.get("logStore", ""),
                           qualifier=given.get("qualifier", ""), version_id=fn["version"]),
            region=fn["region"], account_id=fn["account"], accountId=fn["account"],
            retry_count=given.get("retries", 0), deadline=int(head[1]))


class Handler(logging.Handler):
    def emit(self, record):
        try:
            sys.stdout.write(self.format(record).replace("\n", "\x1e") + "\n")
        except Exception:
            self.handleError(record)


def set_up_logging(state):
    class AddRequest(logging.Filter):
        def filter(self, record):
            record.request_id = state["request_id"]
            return True

    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(request_id)s [%(levelname)s] %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler = Handler()
    handler.setFormatter(form)
    handler.addFilter(AddRequest())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)


def describe(err):
    """The error document of an exception, which is logged as well."""
    if isinstance(err, Fault):
        kind, trace = err.kind, err.trace
    else:
        kind = type(err).__name__
        frames = traceback.extract_tb(err.__traceback__)
        while frames and frames[0].filename in (__file__, bootstrap.BOOT):
            frames = frames[1:]
        trace = [line.strip() for line in traceback.format_list(frames)]
    bootstrap.say(["[ERROR] %s: %s" % (kind, err)] + trace)
    return json.dumps({"errorMessage": str(err), "errorType": kind, "stackTrace": trace},
                      ensure_ascii=False).encode("utf-8", "backslashreplace")


def encode(result):
    if isinstance(result, (bytes, bytearray)):
        return bytes(result)
    if isinstance(result, str):
        return result.encode()
    return json.dumps(result, ensure_ascii=False).encode()


def run(channel, order, state):
    env = order["env"]
    os.chdir(ROOT)
    sys.path[0:0] = [ROOT, "/opt/python"] + [p for p in env.get("PYTHONPATH", "").split(":") if p]
    set_up_logging(state)
    try:
        handler = bootstrap.load(order["handler"])
        hook = bootstrap.load(order["preStop"]) if order.get("preStop") else None
        if order.get("initializer"):
            initialize = bootstrap.load(order["initializer"])
            channel.send(b"B")
            initialize(Context(order, ["", "0", "", "", order.get("context", ""), ""]))
    except BaseException as e:
        channel.send(b"F", describe(e))
        sys.exit(1)
    channel.send(b"S")
    while True:
        kind, body = channel.receive()
        head, _, payload = body.partition(b"\0")
        head = head.decode().split("\n")
        state["request_id"] = head[0]
        try:
            if kind == b"P":  # the instance ends
                if hook:
                    hook(Context(order, head))
                result = b""
            else:
                result = encode(handler(payload, Context(order, head)))
        except Exception as e:
            channel.send(b"X", describe(e))
        else:
            channel.send(b"R", result)
