"""Phased updates, as the real apt reads them."""

from end_to_end.clients import Apt


def test_apt_knows_which_part_of_the_machines_gets_a_version(published, tmp_path):
    published("publish", "update", "stable", "--phased", "hello=20")
    apt = Apt(tmp_path / "client", published.source())
    apt.update()
    assert "phased 20%" in apt("apt-cache", "policy", "hello")
