"""Looks names up: event {"ask": [[name, type, options…], …], "burst": n, "name": …}."""
import json, select, socket, struct, sys, time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}


def resolver():
    for line in open("/etc/resolv.conf"):
        if line.startswith("nameserver"):
            return line.split()[1]


def query(name, kind, number, edns):
    m = struct.pack(">6H", number, 0x100, 1, 0, 0, 1 if edns else 0)
    for label in name.rstrip(".").split("."):
        m += bytes([len(label)]) + label.encode()
    m += b"\0" + struct.pack(">HH", TYPES[kind], 1)
    return m + (b"\0" + struct.pack(">HHIH", 41, edns, 0, 0) if edns else b"")


def skip(m, i):
    while m[i]:
        if m[i] >= 192:
            return i + 2
        i += m[i] + 1
    return i + 1


def read(m):
    _, flags, questions, answers, authority, _ = struct.unpack(">6H", m[:12])
    i, out = 12, []
    for _ in range(questions):
        i = skip(m, i) + 4
    for _ in range(answers):
        i = skip(m, i)
        kind, _, _, size = struct.unpack(">HHIH", m[i:i + 10])
        i += 10
        data, i = m[i:i + size], i + size
        if kind in (1, 28):
            out.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data))
        elif kind == 16:
            out.append("text")
        elif kind != 5:
            out.append("type %d" % kind)
    return {"rcode": flags & 15, "cut": bool(flags & 0x200), "answers": out, "authority": authority}


def ask(name, kind, at=None, tcp=False, edns=0):
    at, q = at or resolver(), query(name, kind, 7, edns)
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((at, 53))
        if not tcp:
            s.send(q)
            return read(s.recv(65535))
        s.sendall(struct.pack(">H", len(q)) + q)
        f = s.makefile("rb")
        return read(f.read(struct.unpack(">H", f.read(2))[0]))


def burst(n, name):
    """Sends n questions at once, from 50 sockets, and counts the answers."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    for s in sockets:
        s.connect((resolver(), 53))
    for i in range(n):
        sockets[i % 50].send(query(name % i, "A", i, 0))
    good, until = set(), time.time() + 10
    while len(good) < n and time.time() < until:
        for s in select.select(sockets, [], [], 0.2)[0]:
            m = s.recv(65535)
            if read(m)["answers"]:
                good.add(struct.unpack(">H", m[:2])[0])
    return len(good)


def handler(event, context):
    if "burst" in event:
        return burst(event["burst"], event["name"])
    return [ask(name, kind, **(rest[0] if rest else {})) for name, kind, *rest in event["ask"]]


if __name__ == "__main__":
    print("answers", json.dumps(handler(json.loads(sys.argv[1]), None)))
