"""Weir's runtime for Python functions.

Frames on descriptor 3: a length (4 bytes, little endian), a type (1 byte), the
body. In: I (what to load, JSON), E (an event: a header of lines, a zero byte, the
payload), P (run the hook before the end, a header as E's), W (start anew through a
wrapper script, JSON). Out: H (started through one), B (the initializer begins), S (loaded), F (loading failed), R (response), X (the handler
failed). In the log, \x1e stands for a newline within one message.
"""
import importlib
import json
import os
import select
import sys
import time
from importlib.machinery import PathFinder

# What only some functions need is imported where it is used: a cold start counts.

BOOT = __file__
# Imported while waiting, as long as no work has come.
PRELOAD = ("logging", "datetime", "decimal", "urllib.request", "http.client", "ssl", "hashlib", "hmac",
           "base64", "uuid", "random", "collections", "concurrent.futures", "email.message", "subprocess")


class Fault(Exception):
    """A failure the runtime itself names."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


class Channel:
    def __init__(self, fd):
        os.set_inheritable(fd, False)
        self.fd = fd
        self.file = open(fd, "rb", 65536, closefd=False)

    def waiting(self):
        return bool(select.select([self.fd], [], [], 0)[0])

    def receive(self):
        head = self.file.read(5)
        if len(head) < 5:
            os._exit(0)  # the daemon has gone
        return head[4:5], self.file.read(int.from_bytes(head[:4], "little") - 1)

    def send(self, kind, body=b""):
        frame = memoryview((len(body) + 1).to_bytes(4, "little") + kind + body)
        while frame:
            frame = frame[os.write(self.fd, frame):]


def plain(value):
    if type(value).__name__ == "Decimal":
        return float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=plain).encode


def say(lines):
    sys.stdout.write("\x1e".join("\x1e".join(lines).split("\n")) + "\n")


def describe(err, request_id):
    """The error document of an exception, which is logged as well."""
    if isinstance(err, Fault):
        kind, trace = err.kind, err.trace
    else:
        import traceback

        kind = type(err).__name__
        frames = traceback.extract_tb(err.__traceback__)
        while frames and frames[0].filename == BOOT:
            frames = frames[1:]
        trace = traceback.format_list(frames)
    say(["[ERROR] %s: %s" % (kind, err), "Traceback (most recent call last):"] + [t.rstrip("\n") for t in trace])
    return encode({"errorMessage": str(err), "errorType": kind, "requestId": request_id,
                   "stackTrace": trace}).encode("utf-8", "backslashreplace")


class LoggingFinder:
    """Sets up logging as soon as anyone imports it."""

    def __init__(self, state):
        self.state = state

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name)
        load = spec.loader.exec_module

        def load_and_set_up(module):
            load(module)
            set_up_logging(module, self.state)

        spec.loader.exec_module = load_and_set_up
        return spec


def set_up_logging(logging, state):

    class Handler(logging.Handler):
        def emit(self, record):
            try:
                sys.stdout.write(self.format(record).replace("\n", "\x1e") + "\n")
            except Exception:
                self.handleError(record)

    class AddRequest(logging.Filter):
        def filter(self, record):
            record.aws_request_id = state["request_id"]
            return True

    form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler = Handler()
    handler.setFormatter(form)
    handler.addFilter(AddRequest())
    logging.root.addHandler(handler)


def load(handler):
    try:
        module, name = handler.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, e)) from None
    path = module.replace("/", ".")
    if path.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module)
    try:
        loaded = importlib.import_module(path)
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module, e)) from None
    except SyntaxError as e:
        where = ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, e), where) from None
    try:
        return getattr(loaded, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module)) from None


class Record:
    """An object with the given attributes."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, ",".join("%s=%r" % i for i in self.__dict__.items()))


class ClientContext(Record):
    pass


class CognitoIdentity(Record):
    pass


class LambdaContext(Record):
    def __init__(self, head, env):
        request_id, deadline, arn, _, client, identity = head
        self._deadline = int(deadline)
        client = json.loads(client) if client else None
        identity = json.loads(identity) if identity else {}
        super().__init__(
            aws_request_id=request_id,
            log_group_name=env.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream_name=env.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            function_name=env.get("AWS_LAMBDA_FUNCTION_NAME"),
            memory_limit_in_mb=env.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            function_version=env.get("AWS_LAMBDA_FUNCTION_VERSION"),
            invoked_function_arn=arn,
            client_context=client and ClientContext(
                custom=client.get("custom"), env=client.get("env"),
                client=Record(**{k: (client.get("client") or {}).get(k) for k in
                                 ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")})),
            identity=CognitoIdentity(cognito_identity_id=identity.get("cognitoIdentityId"),
                                     cognito_identity_pool_id=identity.get("cognitoIdentityPoolId")))

    def get_remaining_time_in_millis(self):
        return max(0, int(self._deadline - time.time() * 1000))

    def log(self, message):
        say([str(message)])


def serve(channel, handler, env, state):
    while True:
        _, body = channel.receive()
        head, _, payload = body.partition(b"\0")
        head = head.decode().split("\n")
        state["request_id"] = head[0]
        if head[3]:
            os.environ["_X_AMZN_TRACE_ID"] = head[3]
        try:
            try:
                event = json.loads(payload)
            except ValueError as e:
                raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e) from None
            result = handler(event, LambdaContext(head, env))
            try:
                result = encode(result).encode()
            except Exception as e:
                raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % e) from None
        except Exception as e:
            channel.send(b"X", describe(e, head[0]))
        else:
            channel.send(b"R", result)


WRAPPED = "_WEIR_WRAPPED"  # only ever seen by the wrapper script


def wrap(channel, order):
    """Becomes the function's wrapper script, which is given this interpreter's command."""
    os.set_inheritable(channel.fd, True)
    os.chdir("/var/task")
    again = [option for option in sys.orig_argv if option != "-I"]  # a wrapper may set Python's own variables
    try:
        os.execve(order["wrapper"], [order["wrapper"], *again], {**order["env"], WRAPPED: "1"})
    except OSError as e:
        print("%s: %s" % (order["wrapper"], e.strerror), file=sys.stderr, flush=True)
        os._exit(127)


def main():
    sys.dont_write_bytecode = True
    state = {"request_id": ""}
    channel = Channel(3)
    wrapped = os.environ.pop(WRAPPED, "")
    if wrapped:
        channel.send(b"H")
    sys.meta_path.insert(0, LoggingFinder(state))
    for name in PRELOAD:
        if channel.waiting():
            break
        importlib.import_module(name)
    kind, body = channel.receive()
    order = json.loads(body)
    if kind == b"W":
        wrap(channel, order)
    env = order["env"]
    if wrapped:
        env = dict(os.environ)  # as the wrapper left it
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv[:] = ["/var/runtime/bootstrap.py"]
    if order.get("contract") == "fc":
        sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, LoggingFinder)]
        sys.modules["bootstrap"] = sys.modules["__main__"]
        sys.path.insert(0, "/var/runtime")
        fc = importlib.import_module("weir_fc")
        sys.path.remove("/var/runtime")
        fc.run(channel, order, state)
    os.chdir("/var/task")
    version = "python%d.%d" % sys.version_info[:2]
    sys.path[0:0] = ["/var/task", "/opt/python/lib/%s/site-packages" % version, "/opt/python"] + \
        [p for p in env.get("PYTHONPATH", "").split(":") if p]
    try:
        handler = load(order["handler"])
    except Exception as e:
        channel.send(b"F", describe(e, ""))
        sys.exit(1)
    channel.send(b"S")
    serve(channel, handler, env, state)


main()
