"""Receivers of notifications: a server that writes down what it is sent, and answers as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver:
    def __init__(self):
        self.got = []  # (headers, body) of each request
        self.answers = []  # status, or a function of the handler, of the next requests; then 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"thank\n you" if answer == 200 else b"no,\n thanks")

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook?key=1"

    @property
    def events(self):
        return [json.loads(body)["type"] for _, body in self.got]

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
def configure(debrepo_root):
    """Configure targets: ``configure(ci={"url": …}, deliver="manual")``."""

    def write(**settings):
        debrepo_root.mkdir(exist_ok=True)
        lines = ["[notify]"]
        lines += [f"{k} = {json.dumps(v)}" for k, v in settings.items() if not isinstance(v, dict)]
        for name, values in settings.items():
            if isinstance(values, dict):
                lines.append(f"[notify.to.{name}]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        (debrepo_root / "debrepo.toml").write_text("\n".join(lines) + "\n")

    return write
