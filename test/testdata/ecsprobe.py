#!/usr/bin/python3
"""Prints whether a database and the internet answer, whenever that changes."""
import json
import socket
import time
import urllib.request


def database():
    return socket.create_connection(("10.1.0.10", 5432), 1).makefile().read()


def internet():
    return json.load(urllib.request.urlopen("http://echo.weir.test/", timeout=1))["source"]


last = {}
while True:
    for ask in (database, internet):
        try:
            answer = ask()
        except Exception:
            answer = "none"
        if last.get(ask) != answer:
            print(ask.__name__, answer, flush=True)
            last[ask] = answer
    time.sleep(0.1)
