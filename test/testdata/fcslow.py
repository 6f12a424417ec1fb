import time

started = time.time()
calls = 0


def initialize(context):
    time.sleep(2)


def handler(event, context):
    global calls
    calls += 1
    return "%f %d" % (time.time() - started, calls)
