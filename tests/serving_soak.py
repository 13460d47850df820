#!/usr/bin/env python3
"""Keeps a gcmc serve at work for long, and watches its memory.

    serving_soak.py GCMC SECONDS [FUZZED BODIES, default 100000]

Clients that ask, that send fuzzed bodies, hostile requests, half of a request or nothing, that go away in the middle;
and a reload every ten seconds. A line a minute says what the process holds. Fails if an answer is not one of those that
may be, if the server dies, or if it holds a quarter (or 16 MB) more at the end than after the first tenth.
"""
import faulthandler
import json
import random
import re
import signal
import struct
import sys
import socket
import threading
import time

from serving import HOSTILE, Server, fuzz, make_models, read_all, save

SECONDS = float(sys.argv[2])
BODIES = int(sys.argv[3]) if len(sys.argv) > 3 else 100000


def held(server):
    """Resident memory in MB and open files."""
    text = server.ask("GET", "/metrics")[2].decode()
    value = dict(re.findall(r"^(process_\w+) (\S+)$", text, re.M))
    return float(value["process_resident_memory_bytes"]) / 1e6, int(float(value["process_open_fds"]))


def until(end, failures, work, pause):
    try:
        while time.time() < end and not failures:
            work()
            time.sleep(pause)
    except Exception as error:
        failures.append(f"{work.__name__}: {error!r}")


def main():
    faulthandler.cancel_dump_traceback_later()  # serving.py's
    make_models()
    save("first", "live")
    with Server("--header-seconds", 2, "--body-seconds", 2, "--log", "none", models=("live",)) as server:
        draw, failures, codes, asked = random.Random(2), [], {}, [0]
        end = time.time() + SECONDS

        def bad_bodies():
            for code, count in fuzz(server, draw, 100).items():
                codes[code] = codes.get(code, 0) + count

        def good_questions():
            answer = server.json("/v1/recommend", {"user": f"u{draw.randrange(60)}", "n": 5, "interval": True})
            assert len(answer["recommendations"][0]["items"]) == 5
            asked[0] += 1

        def bad_requests():
            with server.socket() as connection:
                try:
                    connection.sendall(draw.choice(HOSTILE))
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                text = read_all(connection)
                assert text == b"" or re.match(rb"HTTP/1.[01] (4..|501|505) ", text), text[:100]

        def slow_clients():
            waiting = [server.socket() for _ in range(20)]
            for connection in waiting:
                connection.sendall(draw.choice([b"", b"GET /li", b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"]))
            time.sleep(1)
            for connection in waiting:
                connection.close()

        def gone_clients():
            connection = server.socket()
            connection.sendall(b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"user\":\"u1\"}")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        def reloads():
            save(draw.choice(["first", "second"]), "live")
            server.process.send_signal(signal.SIGHUP)

        pauses = {bad_bodies: SECONDS / (BODIES / 100) / 2, good_questions: 0.02, bad_requests: 0.1, slow_clients: 0.5,
                  gone_clients: 0.05, reloads: 10}
        threads = [threading.Thread(target=until, args=(end, failures, work, pause)) for work, pause in pauses.items()]
        for thread in threads:
            thread.start()
        early = None
        while time.time() < end and not failures:
            time.sleep(min(60, SECONDS / 10))
            memory, files = held(server)
            early = early or memory
            print(f"{SECONDS - (end - time.time()):6.0f} s: {memory:.1f} MB, {files} files, {asked[0]} questions, "
                  f"fuzzed {json.dumps(codes)}", flush=True)
        for thread in threads:
            thread.join()
        assert not failures, failures[:3]
        time.sleep(3)
        memory, files = held(server)
        print(f"at the end: {memory:.1f} MB, {files} files; early: {early:.1f} MB")
        assert memory < max(early * 1.25, early + 16) and files < 40, "it grows"


main()
