"""A node that publishes to buckets: a root, and debrepo in this process."""

from __future__ import annotations

import time

from click.testing import CliRunner
from end_to_end.archive import Archive

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins


class Node(Archive):
    """Its commands share one process, as to load the library takes longer than to publish."""

    def __call__(self, *words: object, exit_code: int = 0) -> str:
        runner = CliRunner(env={"HOME": str(self.root)})
        command = ["--root", str(self.root), *map(str, words)]
        result = runner.invoke(build_cli(load_plugins()), command, prog_name="debrepo")
        assert result.exit_code == exit_code, f"{result.output}{result.exception!r}"
        return result.stdout

    def is_killed(self, *words: object, when) -> None:
        """Run ``debrepo`` as a process, and kill it as soon as ``when`` says so."""
        process = self.start(*words)
        while not when():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.kill()
        process.communicate()
