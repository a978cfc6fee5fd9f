"""A whole cluster on one machine: PostgreSQL, an object store, nodes, and nginx before them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from parts import STORAGE, Bucket, Nginx, Node
from postgres import PostgreSQL, url

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = f"{STORAGE}:debian"  #: where the nodes publish
DISTRIBUTION = "stable"


class Cluster:
    """Nodes that share a database and a bucket, and what they need.

    With ``one_root`` they are servers of one root, whose database is LMDB: for comparison.
    """

    def __init__(
        self,
        place: Path,
        nodes: int,
        *,
        store: str = "moto",
        replica: bool = False,
        one_root: bool = False,
    ) -> None:
        self.place = place
        self.one_root = one_root
        self.postgresql = PostgreSQL(place)
        self.replica: PostgreSQL | None = None
        self.bucket = Bucket(place, store)
        self.nginx = Nginx(place)
        self.token = ""
        self._replicated = replica
        environment = {
            "HOME": str(place),
            "PGPASSFILE": str(self.postgresql.passwords),
            "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", str(place / "compiled")),
        }
        self.nodes = [
            Node(place, number, environment, "root" if one_root else "")
            for number in range(1, nodes + 1)
        ]

    @property
    def url(self) -> str:
        return self.nginx.url

    def start(self, settings: dict[str, dict[str, object]] | None = None) -> None:
        """Start all parts; ``settings`` come on top of those that nodes need."""
        self.bucket.start()
        if not self.one_root:
            self._start_postgresql()
        self._configure(settings or {})
        self.nginx.start(self.nodes, self.bucket)
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait()

    def _start_postgresql(self) -> None:
        self.postgresql.create()
        self.postgresql.start()
        self.postgresql.create_database()
        if self._replicated:
            self.replica = self.postgresql.replica(self.place)

    def _configure(self, settings: dict[str, dict[str, object]]) -> None:
        servers = [self.postgresql, *([self.replica] if self.replica else [])]
        shared: dict[str, dict[str, object]] = {
            "database": {} if self.one_root else {"url": url(servers)},
            "pool": {"storage": f"{STORAGE}:packages"},
            "uploads": {} if self.one_root else {"directory": str(self.place / "uploads")},
            "storage.s3.cluster": {
                **self.bucket.options(), "public_url": self.nginx.url
            },
        }  # fmt: skip
        for section, values in settings.items():
            shared[section] = shared.get(section, {}) | values
        first, *others = self.nodes
        for node in self.nodes:
            node.configure(shared | {"server": {"node": node.name}})
        first("key", "create", "--name", "Cluster on one machine")
        # Each node signs with the same key.
        for node in others if not self.one_root else ():
            without_sockets = shutil.ignore_patterns("S.*", "*.lock", ".#*")
            shutil.copytree(first.root / "gnupg", node.root / "gnupg", ignore=without_sockets)
        self.token = first("token", "create", "admin", "--role", "admin").strip()

    def stop(self) -> None:
        """End all parts."""
        self.nginx.stop()
        for node in self.nodes:
            node.stop()
        if self.replica:
            self.replica.stop()
        self.postgresql.stop()
        self.bucket.stop()

    def processes(self) -> list[int]:
        """Return the processes of all parts, in the order to end them."""
        servers = [self.replica] if self.replica else []
        pids = [self.nginx.pid, *(node.pid for node in self.nodes if node.pid)]
        return [*pids, *(one.pid for one in servers), self.postgresql.pid, self.bucket.pid]
