"""Secret keys in a backup: only encrypted, and only where that is asked for."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from debrepo.testing.packages import build_deb

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")


@pytest.fixture
def gpg():
    """Return a function that runs the GnuPG of the person who restores."""
    home = Path(tempfile.mkdtemp(prefix="gnupg-"))  # the path of its socket has a maximum length

    def run(*words, data=None):
        command = ["gpg", "--homedir", home, "--batch", "--yes", "--passphrase", "", *words]
        return subprocess.run(command, check=True, capture_output=True, input=data).stdout

    run("--quick-generate-key", "Admin <admin@example.org>", "default", "default", "never")
    yield run
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    shutil.rmtree(home)


@pytest.fixture
def recipient(gpg, tmp_path):
    path = tmp_path / "admin.asc"
    path.write_bytes(gpg("--armor", "--export"))
    return path


@pytest.fixture
def signing(debrepo, tmp_path):
    debrepo("key", "create", "--name", "Example Archive")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path))
    debrepo("publish", "repo", "tools", "--distribution", "stable")


def secrets(path):
    return b"".join(one.read_bytes() for one in path.rglob("*") if one.is_file())


def test_keys_are_restored_by_who_can_decrypt_them(
    debrepo, debrepo_root, signing, gpg, recipient, tmp_path
):
    to, new = tmp_path / "to", tmp_path / "new"
    debrepo("key", "trust", recipient)
    said = debrepo("backup", to, "--with-keys", recipient).stdout
    assert "Keys: encrypted." in said
    said = debrepo("--root", new, "restore", to).stderr
    assert f"gpg --decrypt {new}/keys.pgp | debrepo --root {new} key import -" in said
    assert (new / "keys.pgp").stat().st_mode & 0o777 == 0o600
    assert debrepo("--root", new, "key", "list").stdout == ""
    secret = tmp_path / "secret"
    secret.write_bytes(gpg("--decrypt", new / "keys.pgp"))
    debrepo("--root", new, "key", "import", secret)
    assert debrepo("--root", new, "key", "list").stdout == debrepo("key", "list").stdout
    trusted = debrepo("key", "trusted").stdout
    assert "Admin" in trusted
    assert debrepo("--root", new, "key", "trusted").stdout == trusted
    debrepo("--root", new, "storage", "thaw")
    debrepo("--root", new, "publish", "update", "stable")
    debrepo("--root", new, "publish", "verify", "stable")


def test_backup_without_keys_holds_none(debrepo, debrepo_root, signing, tmp_path):
    to, new = tmp_path / "to", tmp_path / "new"
    assert "Keys: left out." in debrepo("backup", to).stdout
    assert json.loads(debrepo("backup", "list", to, "--json").stdout)[0]["keys"] is False
    debrepo("--root", new, "restore", to)
    assert not (new / "keys.pgp").exists()
    assert not list((new).rglob("*.key"))


def test_no_backup_is_made_where_the_keys_cannot_be_encrypted(
    debrepo, debrepo_root, signing, gpg, tmp_path
):
    gpg("--quick-generate-key", "Signs only", "ed25519", "sign", "never")
    only = tmp_path / "only.asc"
    only.write_bytes(gpg("--armor", "--export", "Signs only"))
    text = tmp_path / "text.asc"
    text.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\nnothing\n")
    for path in (only, text):
        said = debrepo("backup", tmp_path / "to", "--with-keys", path, exit_code=2).output
        assert "cannot encrypt to that key" in said
        assert "gpg --armor --export KEY > key.asc" in said
    assert not (tmp_path / "to").exists()


def test_keys_with_a_passphrase_keep_it(debrepo, debrepo_root, gpg, recipient, tmp_path):
    (tmp_path / "passphrase").write_text("geheim\n")
    debrepo("key", "create", "--name", "Kept", "--passphrase-file", tmp_path / "passphrase")
    assert (
        "passphrase is needed"
        in debrepo("key", "export", "--secret-to", recipient, exit_code=10).output
    )
    (debrepo_root / "debrepo.toml").write_text(
        f'signing.gpg.passphrase_file = "{tmp_path}/passphrase"\n'
    )
    sealed = debrepo("key", "export", "--secret-to", recipient).stdout
    assert b"PRIVATE-KEY" not in sealed.encode()
    packets = gpg("--list-packets", data=gpg("--decrypt", data=sealed.encode())).decode()
    assert "protected" in packets or "iter+salt S2K" in packets
