"""The hook of these tests behind HTTP, on a port of loopback: for those that need no more of a service."""

import http.server
import pathlib
import subprocess
import sys

STATUS = {0: 200, 10: 200, 20: 410, 64: 422, 65: 422, 69: 503, 75: 503, 79: 412}
HOOK = pathlib.Path(__file__).with_name("machine.py")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        document = self.rfile.read(int(self.headers["content-length"]))
        operation = self.path.rsplit("/", 1)[-1]
        done = subprocess.run([sys.executable, HOOK, operation], input=document, stdout=subprocess.PIPE, check=False)
        self.send_response(STATUS.get(done.returncode, 500))
        self.send_header("content-length", str(len(done.stdout)))
        self.end_headers()
        self.wfile.write(done.stdout)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
