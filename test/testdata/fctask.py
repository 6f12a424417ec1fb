import json, time


def handler(event, context):
    q = json.loads(event or "{}")
    if q.get("fail"):
        raise ValueError("as asked")
    time.sleep(q.get("sleep", 0))
    return "done"
