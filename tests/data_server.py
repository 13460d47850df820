"""A server of data sets that behaves as badly as asked: python3 data_server.py FOLDER

Serves FOLDER on a port of 127.0.0.1, which it writes to FOLDER/port; ends when its standard input does. An address is
/BEHAVIOUR/NAME, or the address of another host where it is asked as a proxy. FOLDER/requests gets a line a request: path,
Range, If-Range. Standard library alone.
"""

import http.server
import os
import re
import sys
import threading
import time

folder = sys.argv[1]
asked = {}  # how often a path was asked for
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        path = re.sub("^http://[^/]*", "", self.path)
        behaviour, _, name = path.strip("/").partition("/")
        with lock:
            self.times = asked[path] = asked.get(path, 0) + 1
            with open(os.path.join(folder, "requests"), "a") as log:
                log.write(f"{self.path} {self.headers['Range']} {self.headers['If-Range']}\n")
        try:
            with open(os.path.join(folder, os.path.basename(name)), "rb") as file:
                self.bytes = file.read()
        except OSError:
            return self.refuse(404)
        serve = getattr(self, "serve_" + re.sub("[^a-z0-9]", "_", behaviour), self.serve_plain)
        if name.endswith(".md5"):
            serve = self.serve_plain
        try:
            serve()
        except OSError:
            pass  # the other side has gone

    def refuse(self, status):
        self.head(status, 9)
        self.wfile.write(b"no such.\n")

    def head(self, status, length, **headers):
        self.send_response(status)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def serve_plain(self):
        self.head(200, len(self.bytes))
        self.wfile.write(self.bytes)

    # Files that are whole, and files that break off.

    def serve_ranges(self, tag='"first"', **headers):
        """The whole, or what is asked for of it where the tag is the same."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if not wanted or self.headers["If-Range"] != tag:
            self.head(200, len(self.bytes), **(headers or {"ETag": tag}))
            return self.wfile.write(self.bytes)
        first = int(wanted[1])
        if first >= len(self.bytes):
            return self.refuse(416)
        self.head(206, len(self.bytes) - first, Content_Range=f"bytes {first}-{len(self.bytes) - 1}/{len(self.bytes)}")
        self.wfile.write(self.bytes[first:])

    def break_off(self, **headers):
        self.head(200, len(self.bytes), **headers)
        self.wfile.write(self.bytes[: len(self.bytes) // 2])

    def serve_broken(self):
        """Breaks off the first time, and can be gone on with."""
        self.break_off(ETag='"first"') if self.times == 1 else self.serve_ranges()

    def serve_broken_by_date(self):
        date = "Sat, 01 Feb 2020 10:00:00 GMT"
        weak = {"ETag": 'W/"first"', "Last-Modified": date}
        self.break_off(**weak) if self.times == 1 else self.serve_ranges(date, **weak)

    def serve_changed(self):
        """Another file lies there the second time."""
        self.break_off(ETag='"first"') if self.times == 1 else self.serve_ranges('"second"')

    def serve_away(self):
        """Breaks off, has nothing the second time, and can then be gone on with."""
        self.refuse(404) if self.times == 2 else self.serve_broken()

    def serve_without_ranges(self):
        self.break_off(ETag='"first"') if self.times == 1 else self.serve_plain()

    def serve_refused_range(self):
        if self.times == 1:
            self.break_off(ETag='"first"')
        else:
            self.refuse(416) if self.headers["Range"] else self.serve_plain()

    def serve_wrong_range(self):
        """Sends other bytes than those that were asked for."""
        if self.times == 1:
            return self.break_off(ETag='"first"')
        if not self.headers["Range"]:
            return self.serve_plain()
        self.head(206, len(self.bytes) - 3, Content_Range=f"bytes 3-{len(self.bytes) - 1}/{len(self.bytes)}")
        self.wfile.write(self.bytes[3:])

    def serve_changed_unsaid(self):
        """Another file of the same tag lies there the second time."""
        if self.times == 1:
            self.bytes = bytes(len(self.bytes))
            return self.break_off(ETag='"first"')
        self.serve_ranges()

    def serve_nameless(self):
        """Breaks off, and says nothing by which the rest could be asked for."""
        self.break_off() if self.times == 1 else self.serve_plain()

    # Time.

    def serve_stall(self):
        self.break_off(ETag='"first"')
        time.sleep(60)

    def serve_stall_once(self):
        self.serve_stall() if self.times == 1 else self.serve_ranges()

    def serve_silent(self):
        time.sleep(60)

    def serve_drip(self):
        self.head(200, len(self.bytes), ETag='"first"')
        for byte in self.bytes:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def serve_gate(self):
        """Sends the second half once FOLDER/go is there."""
        self.break_off(ETag='"first"')
        self.wfile.flush()
        while not os.path.exists(os.path.join(folder, "go")):
            time.sleep(0.02)
        self.wfile.write(self.bytes[len(self.bytes) // 2 :])

    # Length.

    def serve_short_length(self):
        self.head(200, len(self.bytes) - 10)
        self.wfile.write(self.bytes)

    def serve_long_length(self):
        self.head(200, len(self.bytes) + 10)
        self.wfile.write(self.bytes)

    def serve_huge(self):
        self.head(200, 10**12)
        self.wfile.write(self.bytes)
        time.sleep(60)

    def serve_endless(self):
        self.head(200, None)
        while True:
            self.wfile.write(bytes(1 << 16))

    def serve_endless_chunks(self):
        self.head(200, None, Transfer_Encoding="chunked")
        while True:
            self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def serve_endless_rest(self):
        """A part, and behind it more and more."""
        if self.times == 1:
            return self.break_off(ETag='"first"')
        first = len(self.bytes) // 2
        self.head(206, None, Content_Range=f"bytes {first}-{len(self.bytes) - 1}/{len(self.bytes)}")
        while True:
            self.wfile.write(bytes(1 << 16))

    # Answers.

    def serve_403(self):
        self.refuse(403)

    def serve_404(self):
        self.refuse(404)

    def serve_500(self):
        self.refuse(500)

    def serve_moved(self):
        self.head(302, 0, Location="/ranges/" + os.path.basename(self.path))

    def serve_moved_for_good(self):
        self.head(302, 0, Location=self.path)

    def serve_moved_to_file(self):
        self.head(302, 0, Location="file://" + os.path.join(folder, os.path.basename(self.path)))

    def serve_garbage(self):
        self.wfile.write(b"\0\1\2 not HTTP at all\r\n\r\n")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(os.path.join(folder, "port.tmp"), "w") as port:
    port.write(str(server.server_port))
os.rename(os.path.join(folder, "port.tmp"), os.path.join(folder, "port"))
sys.stdin.read()
