#!/usr/bin/env python3
"""Requests a second of gcmc serve, and of the same model behind FastAPI and NumPy, in turns.

    serving.py GCMC MODEL [--seconds 30] [--venv FOLDER]

Needs wrk; FOLDER is a virtual environment with fastapi, uvicorn, numpy and safetensors (made if it is not there). 8 and
256 connections ask for 16 pairs, for a user's ten best, and for the ten best of somebody with 20 ratings. Then, with 256
clients at work and 256 that send nothing, how long /livez takes. Prints a table in Markdown.
"""
import argparse
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

options = argparse.ArgumentParser()
options.add_argument("gcmc")
options.add_argument("model")
options.add_argument("--seconds", type=int, default=30)
options.add_argument("--venv", default=os.path.join(tempfile.gettempdir(), "gcmc-serving"))
arguments = options.parse_args()
WORK = Path(tempfile.mkdtemp(prefix="serving-"))
OURS, PEERS = 18480, 18481


def folder():
    inner = Path(arguments.model) / "model"
    return inner if inner.is_dir() else Path(arguments.model)


def make_venv():
    if not os.path.exists(f"{arguments.venv}/bin/uvicorn"):
        subprocess.run([sys.executable, "-m", "venv", arguments.venv], check=True)
        subprocess.run([f"{arguments.venv}/bin/pip", "install", "--quiet", "fastapi", "uvicorn[standard]", "numpy",
                        "safetensors"], check=True)


def make_requests():
    """A file of 1000 bodies a route, and a script of wrk that sends one after the other."""
    draw = random.Random(1)
    users, items = ((folder() / name).read_text().splitlines() for name in ("users.txt", "items.txt"))
    bodies = {
        "predict": lambda: '{"pairs":[' + ",".join(
            f'{{"user":"{draw.choice(users)}","item":"{draw.choice(items)}"}}' for _ in range(16)) + "]}",
        "recommend": lambda: f'{{"user":"{draw.choice(users)}","n":10}}',
        "fold-in": lambda: '{"ratings":[' + ",".join(
            f'{{"item":"{item}","rating":{draw.randint(1, 5)}}}' for item in draw.sample(items, 20)) + "]}"}
    for route, body in bodies.items():
        lines = ",\n".join("'" + body() + "'" for _ in range(1000))
        (WORK / f"{route}.lua").write_text(f"""local bodies = {{{lines}}}
local k = 0
wrk.headers["Content-Type"] = "application/json"
request = function()
  k = k % #bodies + 1
  return wrk.format("POST", "/v1/{route}", nil, bodies[k])
end
done = function(summary, latency)
  local e = summary.errors
  print("bad", e.connect + e.read + e.write + e.status + e.timeout)
  print("p", latency:percentile(50) / 1000, latency:percentile(99) / 1000)
end
""")
    return list(bodies)


def wait_for(port):
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not begin")


def wrk(port, route, connections, seconds):
    text = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s",
                           str(WORK / f"{route}.lua"), f"http://127.0.0.1:{port}"], capture_output=True, text=True,
                          check=True).stdout
    rate = float(re.search(r"Requests/sec: +(\S+)", text)[1])
    middle, late = re.search(r"^p\s+(\S+)\s+(\S+)", text, re.M).groups()
    return rate, float(middle), float(late), int(float(re.search(r"^bad\s+(\S+)", text, re.M)[1]))


def health_under_load(route):
    idle = [socket.create_connection(("127.0.0.1", OURS)) for _ in range(256)]
    for k, connection in enumerate(idle):
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"[:20 + k % 60])
    load = threading.Thread(target=wrk, args=(OURS, route, 256, 8))
    load.start()
    time.sleep(1)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", OURS, timeout=10)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        connection.close()
        times.append(time.perf_counter() - began)
        time.sleep(0.02)
    load.join()
    for connection in idle:
        connection.close()
    times.sort()
    print(f"\n/livez with 256 clients at work ({route}) and 256 that send no whole request: median "
          f"{times[100] * 1000:.1f} ms, longest of 200 {times[-1] * 1000:.1f} ms")


def main():
    make_venv()
    routes = make_requests()
    servers = [subprocess.Popen([arguments.gcmc, "serve", "--model", arguments.model, "--port", str(OURS), "--log",
                                 "none"], stderr=subprocess.DEVNULL),
               subprocess.Popen([f"{arguments.venv}/bin/uvicorn", "serving_peer:app", "--app-dir",
                                 str(Path(__file__).parent), "--port", str(PEERS), "--log-level", "error", "--workers",
                                 str(os.cpu_count())], env={**os.environ, "MODEL": arguments.model})]
    try:
        for port in (OURS, PEERS):
            wait_for(port)
        time.sleep(3)
        print("| route | connections | gcmc serve, requests/s | p50, p99 ms | FastAPI, requests/s | p50, p99 ms | errors |")
        print("|---|---|---|---|---|---|---|")
        for route in routes:
            for connections in (8, 256):
                ours, peers = (wrk(port, route, connections, arguments.seconds) for port in (OURS, PEERS))
                print(f"| {route} | {connections} | {ours[0]:.0f} | {ours[1]:.2f}, {ours[2]:.2f} | {peers[0]:.0f} | "
                      f"{peers[1]:.1f}, {peers[2]:.1f} | {ours[3]}, {peers[3]} |", flush=True)
        for route in ("predict", "recommend"):
            health_under_load(route)
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()


main()
