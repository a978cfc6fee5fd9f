"""A small object service, and storages on it: one that works, and those that fail with it."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

from debrepo.errors import RemoteError
from debrepo.object_storage import Object, ObjectStorage
from debrepo.testing.faults import running


class _Service(ThreadingTCPServer):
    """Answers a line of JSON with another one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = {}
        self.turn = threading.Lock()
        self.tag = 0

    def do(self, what, path, data="", only_if=None):
        with self.turn:
            found = self.objects.get(path)
            if what == "read":
                return found and [*found[:2], time.time() - found[2]]
            if what == "names":
                return sorted(name for name in self.objects if name.startswith(path))
            if what == "remove":
                return self.objects.pop(path, None) and None
            if only_if is not None and only_if != (found[1] if found else ""):
                return False
            self.tag += 1
            self.objects[path] = [data, str(self.tag), time.time()]
            return True


class _Handler(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(json.dumps(self.server.do(*json.loads(line))).encode() + b"\n")


@contextmanager
def service():
    """Run the service; yield its port."""
    with running(_Service()) as server:
        yield server.server_address[1]


class ServiceStorage(ObjectStorage):
    """Nothing is wrong with it."""

    attempts = 3

    def __init__(self, port, owner=""):
        super().__init__(owner)
        self._port = port
        self._connections = threading.local()

    @classmethod
    def open(cls, name, options, root):
        return cls(options["port"], str(root))

    def write(self, path, body, headers, *, only_if=None):
        data = body.read_bytes() if isinstance(body, Path) else body
        return self._ask("write", path, data.hex(), only_if)

    def read(self, path):
        found = self._ask("read", path)
        return found and Object(bytes.fromhex(found[0]), found[1], found[2])

    def remove(self, path):
        self._ask("remove", path)

    def names(self, prefix):
        yield from self._ask("names", prefix)

    def _ask(self, *words):
        for _ in range(self.attempts):
            try:
                return self._attempt(json.dumps(words).encode() + b"\n")
            except (OSError, ValueError) as error:
                failure = error
                self._connections.stream = None
        raise self.failed(failure)

    def failed(self, error):
        return RemoteError(f"the service does not answer: {error}")

    def _attempt(self, line):
        if getattr(self._connections, "stream", None) is None:
            with socket.create_connection(("127.0.0.1", self._port)) as connection:
                self._connections.stream = connection.makefile("rwb")
        self._connections.stream.write(line)
        self._connections.stream.flush()
        return json.loads(self._connections.stream.readline())


class TriesOnce(ServiceStorage):
    attempts = 1


class SaysWhatTheNetworkSays(ServiceStorage):
    """Lets errors of the network pass, whatever they are."""

    def failed(self, error):
        return error
