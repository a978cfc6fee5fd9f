"""A machine is lost: its backup is restored to another one, and clients go on."""

import shutil

from debrepo.testing.packages import build_deb


def test_clients_go_on_after_a_restore_on_another_machine(
    new_archive, published, apt, tmp_path, debs
):
    apt.update()
    published("repo", "add", "tools", build_deb(tmp_path, "late"))
    published("publish", "update", "stable")
    published("backup", tmp_path / "backup")
    shutil.rmtree(published.public)
    (published.root / "db").rename(tmp_path / "lost")
    restored = new_archive("restored")
    keys = tmp_path / "keys"
    shutil.move(restored.root / "gnupg", keys)
    restored("restore", tmp_path / "backup")
    shutil.move(keys, restored.root / "gnupg")  # as an administrator imports them
    restored("storage", "thaw")
    restored("publish", "update", "stable")
    shutil.move(restored.public, published.public)  # it is served where the old one was
    apt.update()
    assert apt.candidate("late") == "1.0"
    apt("apt-get", "download", "late", "hello")
