#!/usr/bin/env python3
"""Asks a running gcmc serve what the commands of the program are asked, and treats it badly.

    serving.py GCMC [PART ...]

Parts: answers, protocol, manners, tls, hostile, models, stop; without any, all of them. Trains two small models, starts the
server on free ports of this machine, and needs the standard library alone. A sanitized GCMC is welcome.
"""
import csv
import faulthandler
import hashlib
import http.client
import io
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from made_ratings import write_ratings

faulthandler.dump_traceback_later(900, exit=True)  # a server that hangs must not hang the tests
GCMC = str(Path(sys.argv[1]).resolve())
WORK = Path(tempfile.mkdtemp(prefix="serving-"))


def gcmc(*arguments, text=None):
    result = subprocess.run([GCMC, *map(str, arguments)], cwd=WORK, input=text, capture_output=True, text=True)
    assert result.returncode == 0, (arguments, result.stderr)
    return result.stdout


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def make_models():
    write_ratings(WORK / "ratings.csv")
    with open(WORK / "movies.csv", "w", encoding="utf-8") as file:
        file.write("title,movieId\n")
        for item in range(45):
            file.write(f'"Film {item}, the ""best"" é",i{item}\n')
    for name, seed in (("first", 1), ("second", 2)):
        gcmc("train", "ratings.csv", "--item-features", "movies.csv", "--seed", seed, "--train-max-iter", 30, "--silent",
             "--gcn-agg-units", 40, "--save-dir", name)


class Server:
    """A gcmc serve of its own on a free port."""

    def __init__(self, *arguments, models=("first",), context=None):
        self.context = context  # of TLS
        named = [argument for model in models for argument in ("--model", model)]
        self.log = open(WORK / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([GCMC, "serve", *named, "--port", "0", *map(str, arguments)], cwd=WORK,
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.port = self.wait_for(r"listening at \w+://127\.0\.0\.1:(\d+)")
        self.port = int(self.port)
        while self.ask("GET", "/readyz", headers={})[0] != 200:
            time.sleep(0.02)

    def log_text(self):
        return (WORK / "log").read_text(encoding="utf-8")

    def wait_for(self, pattern):
        for _ in range(3000):
            found = re.search(pattern, self.log_text())
            if found:
                return found[1] if found.groups() else found[0]
            assert self.process.poll() is None, self.log_text()
            time.sleep(0.02)
        raise AssertionError((pattern, self.log_text()))

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and text of the answer."""
        if self.context:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = json.dumps(body) if isinstance(body, (dict, list)) else body
        connection.request(method, path, body=sent, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def json(self, path, body=None, status=200):
        got, _, text = self.ask("GET" if body is None else "POST", path, body)
        assert got == status, (path, body, got, text)
        return json.loads(text)

    def socket(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return connection

    def stop(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(40) == code, self.log_text()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
            print(self.log_text()[-2000:], file=sys.stderr)
        elif self.process.poll() is None:
            self.stop()
        self.process.wait()
        self.log.close()


def read_all(connection):
    text = b""
    try:
        while part := connection.recv(65536):
            text += part
    except ConnectionResetError:
        pass
    return text


def answers():
    """What is answered is what the commands print."""
    pairs = "".join(f"u{k % 63},i{k % 47}\n" for k in range(30000))
    (WORK / "pairs.csv").write_text(pairs)
    printed = gcmc("predict", "--model", "first", "pairs.csv")
    with Server() as server:
        status, headers, text = server.ask("POST", "/v1/predict", pairs, {"Content-Type": "text/csv; charset=utf-8"})
        assert status == 200 and headers["Transfer-Encoding"] == "chunked" and text.decode() == printed
        lists = {"users": [p["user"] for p in rows(printed)], "items": [p["item"] for p in rows(printed)]}
        for got, want in zip(server.json("/v1/predict", lists)["predictions"], rows(printed), strict=True):
            assert f"{got['rating']:.6f}" == want["rating"] and got.get("note", "") == want["note"], (got, want)

        detailed = rows(gcmc("predict", "--model", "first", "--interval", "--probabilities", "-", text="u1,i2\n"))[0]
        one = server.json("/predict", {"user": "u1", "item": "i2", "interval": True, "probabilities": True})
        got = one["predictions"][0]
        assert one["levels"] == [1, 2, 3, 4, 5] and float(detailed["low"]) == got["low"]
        assert float(detailed["high"]) == got["high"]
        stranger = server.json("/v1/predict", {"user": "x", "item": "i2", "interval": True, "probabilities": True})
        assert set(stranger["predictions"][0]) == {"user", "item", "rating", "note"}
        nobody = server.json("/v1/predict", {"user": "", "item": "i2"})["predictions"][0]
        assert nobody == {**stranger["predictions"][0], "user": ""}, nobody
        assert got["probabilities"] == [float(detailed[f"p_{level}"]) for level in range(1, 6)]

        for user in ("u3", "nobody"):
            want = rows(gcmc("recommend", "--model", "first", "--user", user, "--top", 4))
            for got in (server.json("/v1/recommend", {"user": user, "n": 4}), server.json(f"/v1/recommend/{user}?n=4")):
                best = got["recommendations"][0]
                assert [(w["item"], w["title"], w["rating"]) for w in want] == [
                    (g["item"], g["title"], f"{g['rating']:.6f}") for g in best["items"]]
                assert best["user"] == user and best.get("note", "") == want[0]["note"]
        everybody = [f"u{k}" for k in range(60)] * 3
        got = server.json("/v1/recommend", {"users": everybody, "n": 3})["recommendations"]
        want = rows(gcmc("recommend", "--model", "first", "--all", "--top", 3))
        assert {(w["user"], w["item"], w["rating"]) for w in want} == {
            (g["user"], i["item"], f"{i['rating']:.6f}") for g in got for i in g["items"]} and len(got) == 180
        only = server.json("/v1/recommend", {"user": "u3", "n": 9, "only": ["i1", "i2", "i3"], "include_rated": True,
                                             "without": ["i2"]})["recommendations"][0]["items"]
        assert sorted(i["item"] for i in only) == ["i1", "i3"]

        own = [{"item": f"i{k}", "rating": 1 + k % 5} for k in range(12)]
        table = "item,rating\n" + "".join(f"{r['item']},{r['rating']}\n" for r in own)
        want = rows(gcmc("recommend", "--model", "first", "--new-user", "-", "--top", 5, text=table))
        folded = server.json("/v1/fold-in", {"ratings": own + [{"item": "none", "rating": 3}], "n": 5,
                                             "items": ["i20"]})
        asked = server.json("/v1/recommend", {"ratings": own, "n": 5})["recommendations"][0]["items"]
        for got in (folded["recommendations"], asked):
            assert [(g["item"], f"{g['rating']:.6f}") for g in got] == [(w["item"], w["rating"]) for w in want]
        noted = server.json("/v1/recommend", {"ratings": own + [{"item": "none", "rating": 3}], "n": 5})
        assert noted["recommendations"] == [{"note": "1 rating of an unknown item is left out", "items": asked}]
        noted = server.json("/v1/recommend", {"user": "nobody", "ratings": own, "n": 5})
        assert noted["recommendations"] == [{"user": "nobody", "note": "unknown user", "items": asked}]
        noted = server.json("/v1/explain", {"ratings": own + [{"item": n, "rating": 3} for n in "xyz"], "item": "i20"})
        assert noted.pop("note") == "3 ratings of unknown items are left out"
        assert noted == server.json("/v1/explain", {"ratings": own, "item": "i20"})
        assert folded["used"] == 12 and folded["unknown"] == 1 and folded["predictions"][0]["item"] == "i20"
        # a known user with further ratings: none change nothing, one more moves the list, and is not in it
        want = server.json("/v1/recommend", {"user": "u5", "n": 45})["recommendations"]
        assert server.json("/v1/recommend", {"user": "u5", "n": 45, "ratings": []})["recommendations"] == want
        liked = want[0]["items"][0]["item"]
        got = server.json("/v1/recommend", {"user": "u5", "n": 45, "ratings": [{"item": liked, "rating": 1}]})
        got = got["recommendations"][0]["items"]
        assert {i["item"] for i in got} == {i["item"] for i in want[0]["items"]} - {liked}
        assert [i["rating"] for i in got] != [i["rating"] for i in want[0]["items"][1:]]
        reasons = server.json("/v1/explain", {"user": "u5", "item": "i9", "ratings": [{"item": liked, "rating": 1}],
                                              "n": 1000})["reasons"]
        assert (liked, 1) in {(reason["item"], reason["rating"]) for reason in reasons}
        item = server.json("/v1/fold-in", {"ratings": [{"user": "u1", "rating": 5}], "users": ["u2", "u3"]})
        assert [p["user"] for p in item["predictions"]] == ["u2", "u3"]

        want = rows(gcmc("similar", "--model", "first", "--item", "i7", "--top", 3))
        got = server.json("/v1/similar", {"items": ["i7", "i8"], "n": 3})["similar"]
        assert [(g["item"], f"{g['similarity']:.6f}") for g in got[0]["neighbours"]] == [
            (w["item"], w["similarity"]) for w in want] and got[1]["item"] == "i8"
        want = rows(gcmc("explain", "--model", "first", "--user", "u5", "--item", "i9", "--top", 4))
        got = server.json("/v1/explain", {"user": "u5", "item": "i9", "n": 4})["reasons"]
        assert [(g["item"], g["rating"], f"{g['effect']:.6f}".replace("-0.000000", "0.000000")) for g in got] == [
            (w["item"], float(w["rating"]), w["effect"].replace("-0.000000", "0.000000")) for w in want]

        rated = [row for row in rows((WORK / "ratings.csv").read_text()) if row["userId"] == "u5"]
        got = server.json("/v1/users/u5/ratings")
        assert got["total"] == len(rated) and {(r["itemId"], float(r["rating"])) for r in rated} == {
            (g["item"], g["rating"]) for g in got["ratings"]}
        listed = server.json("/v1/users?prefix=u5&n=1")
        assert listed["total"] == 11 and listed["users"] == [{"user": "u5", "ratings": len(rated)}]
        assert server.json("/v1/items?search=film%2041")["items"][0]["item"] == "i41"
        assert server.json("/v1/items/i4")["title"] == 'Film 4, the "best" é'


def protocol():
    """The Open Inference Protocol, as JSON and with binary tensors; the document; the metrics."""
    def tensor(name, values, **more):
        return {"name": name, "shape": [len(values)], "datatype": "BYTES", **more}

    users, items = ["u1", "u2", "nobody"], ["i3", "i4", "i5"]
    printed = rows(gcmc("predict", "--model", "first", "--probabilities", "-",
                        text="".join(f"{u},{i}\n" for u, i in zip(users, items))))
    want = [struct.unpack("f", struct.pack("f", float(row["rating"])))[0] for row in printed]
    with Server() as server:
        got = server.json("/v2/models/gcmc/infer", {"id": "7", "inputs": [tensor("user", users, data=users),
                                                                           tensor("item", items, data=items)]})
        rating, chances = got["outputs"]
        as_float = [struct.unpack("f", struct.pack("f", value))[0] for value in rating["data"]]
        assert got["id"] == "7" and as_float == want and rating["shape"] == [3] and chances["shape"] == [3, 5]

        data = [b"".join(struct.pack("<I", len(v)) + v.encode() for v in values) for values in (users, items)]
        head = json.dumps({"inputs": [tensor("user", users, parameters={"binary_data_size": len(data[0])}),
                                      tensor("item", items, parameters={"binary_data_size": len(data[1])})],
                           "outputs": [{"name": "rating", "parameters": {"binary_data": True}}]}).encode()
        status, headers, text = server.ask("POST", "/v2/models/gcmc/infer", head + data[0] + data[1],
                                           {"Inference-Header-Content-Length": str(len(head))})
        size = int(headers["Inference-Header-Content-Length"])
        assert status == 200 and list(struct.unpack("<3f", text[size:])) == want, text
        for type, value in (("INT32", 1 << 31), ("INT64", 1 << 63), ("INT64", "u1"), ("INT32", 1.5)):
            wrong = {"name": "item", "shape": [1], "datatype": type, "data": [value]}
            status, _, text = server.ask("POST", "/v2/models/gcmc/infer",
                                         json.dumps({"inputs": [tensor("user", ["u1"], data=["u1"]), wrong]}))
            assert status == 400 and json.loads(text)["field"] == "item", (type, value, text)
        server.json("/v1/users?model=", status=404)
        for cut in (1, 5, len(data[1]) + 3):
            status, _, text = server.ask("POST", "/v2/models/gcmc/infer", (head + data[0] + data[1])[:-cut],
                                         {"Inference-Header-Content-Length": str(len(head))})
            assert status == 400, text

        document = server.json("/openapi.json")
        names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
        assert names <= set(document["components"]["schemas"]), names
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                body = operation.get("requestBody")
                if not body:
                    continue
                schema = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                example = document["components"]["schemas"][schema]["example"]
                example = json.loads(json.dumps(example).replace('"1"', '"u1"').replace('"50"', '"i5"'))
                server.json(path.replace("{model}", "gcmc"), example)
        assert "application/octet-stream" in document["paths"]["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]
        most = document["components"]["schemas"]["FewIds"]["maxItems"]
        server.json("/v1/similar", {"items": ["i5"] * most, "n": 1})
        server.json("/v1/similar", {"items": ["i5"] * (most + 1)}, status=413)
        forms = {"pairs": [{"user": "u1", "item": "i5"}]}, {"users": ["u1"], "items": ["i5"]}, {"user": "u1", "item": "i5"}
        for form, other in itertools.combinations(forms, 2):  # oneOf, and each is closed
            server.json("/predict", {**form, **other}, status=400)

        _, headers, text = server.ask("GET", "/metrics")
        text = text.decode()
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        counts = dict(re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.M))
        assert counts['gcmc_http_requests_total{method="POST",route="/v2/models/{model}/infer",code="400"}'] == "7"
        assert counts['gcmc_http_request_duration_seconds_count{route="/v1/predict"}'] == "1"
        assert counts['gcmc_unknown_ids_total{kind="user"}'] == "2" and "gcmc_model_info{" in text
        assert float(counts["process_resident_memory_bytes"]) > 1e6
        for line in text.splitlines():
            assert re.fullmatch(r"# (HELP|TYPE) .*|\w+(\{(\w+=\"[^\"]*\",?)*\})? [-+.e0-9]+", line), line
        assert "u1" not in server.log_text() and "nobody" not in server.log_text()


def manners():
    """What HTTP asks of a server: methods, tokens, origins, pipelining, half-closed clients, Expect."""
    (WORK / "token").write_text("secret\n")
    with Server("--allow-host", "Films.Example") as server:
        for host, status in (("films.example", 200), ("FILMS.example", 200), ("other.example", 403)):
            assert server.ask("GET", "/v1/items", headers={"Host": host})[0] == status, host
    os.environ["GCMC_TOKEN"] = "environments"
    with Server() as server:
        assert server.ask("GET", "/v1/users")[0] == 401
        assert server.ask("GET", "/v1/users", headers={"Authorization": "Bearer environments"})[0] == 200
    del os.environ["GCMC_TOKEN"]
    with Server("--token-file", "token", "--allow-origin", "https://shop.example", "--log", "json") as server:
        bearer = {"Authorization": "Bearer secret"}
        assert server.ask("GET", "/v1/users")[0] == 401 and server.ask("GET", "/v1/users", headers=bearer)[0] == 200
        assert server.ask("GET", "/v1/users", headers={"Authorization": "Bearer secreT"})[0] == 401
        assert server.ask("GET", "/")[0] == 200 and server.ask("GET", "/livez")[0] == 200
        status, headers, _ = server.ask("OPTIONS", "/v1/predict", headers={"Origin": "https://shop.example"})
        assert status == 204 and headers["Access-Control-Allow-Origin"] == "https://shop.example"
        status, headers, _ = server.ask("GET", "/v1/users", headers={**bearer, "Origin": "https://shop.example"})
        assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert server.ask("GET", "/v1/users", headers={**bearer, "Origin": "https://evil.example"})[0] == 403
        assert server.ask("GET", "/v1/users?m=3", headers=bearer)[0] == 400
        own = {**bearer, "Origin": f"http://127.0.0.1:{server.port}"}
        assert server.ask("GET", "/v1/users", headers=own)[0] == 200
        time.sleep(0.1)
        lines = [json.loads(line) for line in server.log_text().splitlines()]
        told = {line["status"] for line in lines if line.get("route") == "/v1/users"}
        assert told == {200, 400, 401, 403}, told

    with Server() as server:
        status, headers, text = server.ask("DELETE", "/v1/users")
        assert status == 405 and headers["Allow"] == "OPTIONS, GET, HEAD"
        assert headers["Content-Type"] == "application/problem+json" and json.loads(text)["status"] == 405
        whole = server.ask("GET", "/v1/recommend/u1")
        status, headers, text = server.ask("HEAD", "/v1/recommend/u1")
        assert status == 200 and headers["Content-Length"] == str(len(whole[2])) and text == b""
        assert server.ask("POST", "/v1/predict", "{}", {"Content-Type": "image/png"})[0] == 415
        for body, field in (({"usr": 1}, "user"), ({"pairs": [{"user": "a"}]}, "pairs[0].item"),
                            ({"pairs": [{"user": "a", "item": 1.5}]}, "pairs[0].item"),
                            ({"user": "a", "item": "b", "probabilities": 1}, "probabilities"),
                            ({"user": "a", "item": "b", "intervall": True}, "intervall"),
                            ({"users": ["a"], "items": []}, "users")):
            problem = server.json("/v1/predict", body, 400)
            assert problem["field"] == field and problem["detail"], problem

        with server.socket() as connection:  # three at once, answered in order
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
                               b"GET /v1/items/i3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
                               b"GET /v1/items/i4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = read_all(connection)
            assert text.count(b"HTTP/1.1 200") == 3 and text.index(b"alive") < text.index(b'"i3"') < text.index(b'"i4"')
        with server.socket() as connection:  # a client that has nothing more to say is answered
            connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                               b"11\r\n{\"user\":\"u1\",\"ite\r\n9\r\nm\":\"i2\" }\r\n0\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            text = read_all(connection)
            assert text.startswith(b"HTTP/1.1 200") and b"predictions" in text, text
        with server.socket() as connection:
            connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 26\r\n\r\n")
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b'{"user": "u1","item":"i2"}')
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        with server.socket() as connection:
            connection.sendall(b"POST /v1/predict HTTP/1.0\r\nContent-Type: text/csv\r\nContent-Length: 6\r\n\r\nu1,i2\n")
            text = read_all(connection)  # which ends with the connection: its length is not known before
            head, body = text.split(b"\r\n\r\n")
            assert b"Connection: close" in head and b"Content-Length" not in head and b"chunked" not in head, text
            assert body.startswith(b"user,item,rating,note\nu1,i2,") and body.endswith(b"\n"), text


HOSTILE = [
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n",
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n",
    b"GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n",
    b"GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/items?search=%e HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/users?n=1&n=2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/users?n=1e9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /page/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nA: " + b"b" * 40000 + b"\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
    b"G" * 100000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    bytes(range(256)) * 10,
    b"\r\n\r\n\r\n\r\n",
    b"GET /livez HTTP/1.1\nHost x\n\n",
    b"GET /livez\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n{",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100000,
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x80",
    b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00",
    b"POST /v2/models/gcmc/infer HTTP/1.1\r\nHost: localhost\r\nInference-Header-Content-Length: 99999999999999999999\r\nContent-Length: 2\r\n\r\n{}",
]


def deep(opening, closing=b"", count=1000000):
    """An inference request with a value that is nested so deeply."""
    body = b'{"inputs":[{"name":"user","shape":[1],"datatype":"BYTES","data":["u1"],' + opening + b"[" * count + b"]" * count
    body += closing + b"}]}"
    return (b"POST /v2/models/gcmc/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


HOSTILE += [deep(b'"parameters":{"a":', b"}"), deep(b'"shape":'), deep(b'"data":')]


def hostile():
    """A 4xx, a 501, a 505 or a closed connection for each, and a server that lives on."""
    with Server("--header-seconds", 1, "--body-seconds", 1, "--idle-seconds", 2) as server:
        for request in HOSTILE:
            with server.socket() as connection:
                try:
                    connection.sendall(request)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                text = read_all(connection)
                assert text == b"" or re.match(rb"HTTP/1.[01] (4..|501|505) ", text), (request[:80], text[:300])
                assert text.count(b"HTTP/1.1 ") <= 1, (request[:80], text)
        # who sends too slowly, or nothing, is let go; who waits while others are slow is not
        slow = []
        for start in (b"", b"GET /livez HT", b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"):
            slow.append(server.socket())
            slow[-1].sendall(start)
        began = time.time()
        for connection in slow:
            assert read_all(connection) == b""
            connection.close()
        assert time.time() - began < 10
        # a client that is gone before its answer
        for _ in range(50):
            connection = server.socket()
            connection.sendall(b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"user\":\"u1\"}")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        fuzz(server, random.Random(1), 2000)
        assert server.ask("GET", "/livez")[0] == 200
    with Server("--max-connections", 10, "--write-seconds", 5) as server:
        halves = [server.socket() for _ in range(20)]  # who sends half a body has no right to stay
        for connection in halves:
            connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        for _ in range(5):
            assert server.ask("GET", "/livez")[0] == 200
        for connection in halves:
            connection.close()
    with Server("--max-connections", 8, "--max-body-mb", 1, "--max-memory-mb", 1, "--max-pairs", 3, "--max-header-kb", 2) as server:
        waiting = [server.socket() for _ in range(40)]  # the longest waiting make room
        assert server.ask("GET", "/livez")[0] == 200
        for connection in waiting:
            connection.close()
        assert server.ask("POST", "/v1/predict", "x" * 1200000)[0] == 413
        users = ["u1", "u2", "u3", "u4"]
        assert server.ask("POST", "/v1/predict", {"users": users, "items": ["i1"] * 4})[0] == 413
        assert len(server.json("/v1/predict", {"users": users[:3], "items": ["i1"] * 3})["predictions"]) == 3
        assert server.ask("GET", "/livez", headers={"X-Long": "x" * 3000})[0] == 431
        with server.socket() as hog:  # small bodies pass while somebody holds all the memory there is
            hog.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n" + b" " * 1040000)
            time.sleep(0.3)
            assert server.json("/v1/predict", {"user": "u1", "item": "i1"})["predictions"]


BODIES = {"/v1/predict": b'{"pairs":[{"user":"u1","item":"i2"}],"interval":true}',
          "/v1/recommend": b'{"user":"u1","n":5,"only":["i1"],"probabilities":true}',
          "/v1/fold-in": b'{"ratings":[{"item":"i1","rating":5}],"items":["i2"],"n":3}',
          "/v1/explain": b'{"item":"i1","user":"u1","n":2}', "/v1/similar": b'{"items":["i1","i3"],"n":2}',
          "/v2/models/gcmc/infer": b'{"inputs":[{"name":"user","shape":[1],"datatype":"BYTES","data":["u1"]},'
                                   b'{"name":"item","shape":[1],"datatype":"BYTES","data":["i1"]}]}'}
PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"true", b"-1", b"1e999", b"0.5", b"18446744073709551616",
          b"9223372036854775807", b"-9223372036854775808", b'"\\ud800"', b"\x00", b"\xff", b'"user"', b'"item"', b'"u1"',
          b'"n":1000', b'"ratings"', b'"shape":[-1]', b'"data":[[["u1"]]]', b'"datatype":"INT64"']


def fuzz(server, draw, count):
    """Bodies with pieces put in, taken out, doubled: an answer of 200, or one of 4xx that is a problem."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    codes = {}
    for _ in range(count):
        path = draw.choice(list(BODIES))
        body = bytearray(BODIES[path if draw.random() < 0.9 else draw.choice(list(BODIES))])
        for _ in range(draw.randrange(4)):
            at, size = draw.randrange(len(body) + 1), draw.randrange(8)
            way = draw.randrange(4)
            if way == 0:
                body[at:at] = draw.choice(PIECES)
            elif way == 1:
                del body[at:at + size]
            elif way == 2:
                body[at:at] = body[at:at + size]
            elif body:
                body[at % len(body)] = draw.randrange(256)
        kind = draw.choice(["application/json", "text/csv"]) if path == "/v1/predict" else "application/json"
        connection.request("POST", path, body=bytes(body), headers={"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 400, 404, 413), (path, bytes(body), answer.status, text)
        if kind == "application/json":
            json.loads(text)
        codes[answer.status] = codes.get(answer.status, 0) + 1
        if answer.getheader("Connection") == "close":
            connection.close()
    connection.close()
    return codes


def tls():
    """With a certificate made here: the same answers, streams and ends; no plain text, no broken key."""
    if not shutil.which("openssl"):
        print("tls: skipped, there is no openssl to make a certificate with")
        return
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"], cwd=WORK,
                   check=True, capture_output=True)
    broken = subprocess.run([GCMC, "serve", "--model", "first", "--tls-cert", "cert.pem", "--tls-key", "cert.pem"],
                            cwd=WORK, capture_output=True, text=True)
    assert broken.returncode == 2 and "TLS" in broken.stderr, broken
    context = ssl.create_default_context(cafile=WORK / "cert.pem")
    pairs = (WORK / "tls.csv")
    pairs.write_text("".join(f"u{k % 63},i{k % 47}\n" for k in range(20000)))
    printed = gcmc("predict", "--model", "first", "tls.csv")
    with Server("--tls-cert", "cert.pem", "--tls-key", "key.pem", "--header-seconds", 1, context=context) as server:
        status, headers, text = server.ask("POST", "/v1/predict", pairs.read_text(), {"Content-Type": "text/csv"})
        assert status == 200 and headers["Transfer-Encoding"] == "chunked" and text.decode() == printed
        for hello in (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""):
            with server.socket() as connection:  # none of them is TLS; the last one says nothing
                connection.sendall(hello)
                assert b"HTTP/1.1 200" not in read_all(connection)
        assert server.ask("GET", "/livez")[0] == 200


def save(model, folder):
    """As a training does: beside it, then renamed; a reader finds one or the other."""
    beside = WORK / "beside"
    shutil.copytree(WORK / model, beside)
    if (WORK / folder).exists():
        (WORK / folder).rename(WORK / "old")
    beside.rename(WORK / folder)
    shutil.rmtree(WORK / "old", ignore_errors=True)


def models(reloads=20):
    """Several models; reloads under load: every answer is the old or the new model's, and none is lost."""
    body = {"pairs": [{"user": f"u{k}", "item": f"i{k % 45}"} for k in range(60)]}
    for path, message in (("nowhere", "nowhere"), ("ratings.csv", "ratings.csv")):
        result = subprocess.run([GCMC, "serve", "--port", "0", "--model", path], cwd=WORK, capture_output=True, text=True)
        assert result.returncode == 2 and message in result.stderr, result
    gcmc("export", "--model", "first", "--slim", "slim")
    with Server(models=("one=./first", "two=./second", "slim=./slim")) as server:
        busy = subprocess.run([GCMC, "serve", "--port", str(server.port), "--model", "first"], cwd=WORK,
                              capture_output=True, text=True)
        assert busy.returncode == 2 and "cannot listen" in busy.stderr, busy
        first, second = (server.json(f"/v1/predict?model={name}", body) for name in ("one", "two"))
        assert first != second and server.json("/v1/predict", body) == first
        server.json("/v1/fold-in?model=slim", {"ratings": []}, 409)
        assert server.json("/v1/predict?model=slim", body) == first
        assert server.ask("POST", "/v2/repository/models/two/unload")[0] == 200
        server.json("/v1/predict?model=two", body, 503)
        assert server.ask("GET", "/readyz")[0] == 200
        assert server.ask("POST", "/v2/repository/models/two/load")[0] == 200
        assert server.json("/v1/predict?model=two", body) == second

    gcmc("train", "ratings.csv", "--seeds", 2, "--train-max-iter", 3, "--silent", "true", "--save-dir", "both")
    files = [WORK / f"both/model/{k}/model.safetensors" for k in (1, 2)]
    with Server(models=("both=./both", "one=./both/model/1")) as server:
        both, one = server.json("/v1/models")["models"]
        assert both["sha256"] in ("", hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest())
        means = json.loads((WORK / "both/metrics.json").read_text())
        assert abs(both["metrics"]["best_test_rmse"] - means["mean_test_rmse"]) < 1e-9
        assert 1.9 < both["bytes"] / one["bytes"] < 2.1
        (WORK / "both/model/2").rename(WORK / "second_of_two")
        assert server.ask("POST", "/v2/repository/models/both/load")[0] >= 400
        status = server.json("/v1/models")["models"][0]
        assert status["version"] == 1 and "both/model/2: is missing" in status["detail"], status

    save("first", "live")
    with Server(models=("live",)) as server:
        seen, failures, ends = set(), [], threading.Event()

        def asks():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            try:
                while not ends.is_set():
                    connection.request("POST", "/v1/predict", json.dumps(body))
                    answer = connection.getresponse()
                    text = json.loads(answer.read())
                    if answer.status != 200 or text not in (first, second):
                        failures.append((answer.status, text))
                    seen.add(text == first)
            except Exception as error:  # whatever it is, it is one
                failures.append(repr(error))

        clients = [threading.Thread(target=asks) for _ in range(8)]
        for client in clients:
            client.start()
        for k in range(reloads):
            save("second" if k % 2 == 0 else "first", "live")
            if k % 3 == 2:
                server.process.send_signal(signal.SIGHUP)
                server.wait_for(f"version {k + 2}\\b")
            else:
                assert server.ask("POST", "/v2/repository/models/gcmc/load")[0] == 200
        # a model that is broken leaves the one that answers, and the server ready
        (WORK / "live" / "model" / "config.json").write_text("{")
        status, _, text = server.ask("POST", "/v2/repository/models/gcmc/load")
        assert status == 400 and b"config.json" in text, text
        assert server.ask("GET", "/readyz")[0] == 200
        ends.set()
        for client in clients:
            client.join()
        assert not failures and seen == {True, False}, failures[:3]


def stop(times=3):
    """SIGTERM under load: whoever was accepted is answered; nobody waits for long, nor for who does not read the log."""
    reading, writing = os.pipe()
    process = subprocess.Popen([GCMC, "serve", "--model", "first", "--port", "0"], cwd=WORK, stderr=writing)
    os.close(writing)
    port = int(re.search(rb"127\.0\.0\.1:(\d+)", os.read(reading, 4096))[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(3000):
        connection.request("GET", "/livez")
        connection.getresponse().read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    os.close(reading)
    for _ in range(times):
        with Server() as server:
            answered, failures = [0], []

            def asks():
                request = b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n{\"user\":\"u1\",\"n\":20}"
                try:
                    while True:
                        with server.socket() as connection:
                            for _ in range(50):
                                connection.sendall(request)
                                answer = http.client.HTTPResponse(connection)
                                answer.begin()
                                text = answer.read()
                                if answer.status != 200 or not text.endswith(b"}\n"):
                                    failures.append((answer.status, text))
                                answered[0] += 1
                                if answer.will_close:
                                    break
                except ConnectionRefusedError:
                    return
                except Exception as error:
                    failures.append(repr(error))

            clients = [threading.Thread(target=asks) for _ in range(16)]
            for client in clients:
                client.start()
            while answered[0] < 500:
                time.sleep(0.01)
            began = time.time()
            server.stop()
            for client in clients:
                client.join()
            assert not failures, failures[:3]
            assert time.time() - began < 10


PARTS = {part.__name__: part for part in (answers, protocol, manners, tls, hostile, models, stop)}


def main():
    try:
        make_models()
        for name in sys.argv[2:] or PARTS:
            began = time.time()
            PARTS[name]()
            print(f"{name}: as it should be ({time.time() - began:.1f} s)", flush=True)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()
