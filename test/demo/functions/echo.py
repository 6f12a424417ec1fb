"""Fetches the URL in the event and returns its JSON."""
import json
import urllib.request


def handler(event, context):
    with urllib.request.urlopen(event["url"]) as response:
        return json.load(response)
