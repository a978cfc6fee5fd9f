"""Keys that change, and what apt, gpgv and Sequoia make of it.

gpgv 2.2.40, 2.4.7 and 2.4.9, sqv 1.1.0, 1.3.0 and 1.5.0, apt 2.6.2, 3.0.4 and 3.3.5 were tried.
"""

import re
import shutil
import subprocess
import time

import pytest
from end_to_end.clients import Apt, run, which

SEQUOIA = "No binding signature at time"


@pytest.fixture
def gpg(archive):
    """GnuPG on the keys of the archive, as an administrator runs it."""

    def run_gpg(*words):
        command = [
            "gpg",
            "--homedir",
            archive.root / "gnupg",
            "--batch",
            "--passphrase",
            "",
            *words,
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, check=True)
        kill = ["gpgconf", "--homedir", str(archive.root / "gnupg"), "--kill", "all"]
        subprocess.run(kill, check=True)
        return done.stdout

    return run_gpg


@pytest.fixture
def dists(archive):
    return archive.public / "dists/stable"


@pytest.fixture
def exported(archive, tmp_path):
    """A keyring of the public keys, as they are when this is called."""

    def export(*names):
        path = tmp_path / f"keyring-{time.monotonic_ns()}.gpg"
        with path.open("wb") as file:
            words = [*archive.command, "key", "export", "--binary", *names]
            subprocess.run(words, stdout=file, env=archive.environment, check=True)
        return path

    return export


@pytest.fixture
def detached(dists):
    """Have a program verify the detached signature."""

    def verify(program, keyring, exit_code=0):
        words = ("--keyring", keyring, dists / "Release.gpg", dists / "Release")
        return run(program, *words, exit_code=exit_code)

    return verify


def fingerprints(archive):
    return [found["fingerprint"] for found in archive.json("key", "list")]


@pytest.fixture
def aged(archive, debs, gpg):
    """An archive that was signed last year, with a key that is as old."""
    shutil.rmtree(archive.root / "gnupg")
    (archive.root / "gnupg").mkdir(mode=0o700)
    day = ("--faked-system-time", "20250101T000000!")
    gpg(*day, "--quick-gen-key", "Aged archive", "ed25519", "sign", "never")
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive.environment["SOURCE_DATE_EPOCH"] = "1748736000"  # in June
    archive("publish", "repo", "tools")
    del archive.environment["SOURCE_DATE_EPOCH"]
    return archive


def problems(archive):
    done = archive.start("publish", "verify", "stable")
    return done.communicate()[0]


def test_rotation_of_keys_reaches_every_client_at_every_step(
    published, archive, exported, detached, tmp_path
):
    (old,) = fingerprints(archive)
    old_source, old_keyring = archive.source(), exported()
    archive("key", "create", "--name", "New key")
    (new,) = set(fingerprints(archive)) - {old}
    new_keyring = exported(new)
    settings = archive.root / "debrepo.toml"

    settings.write_text(f"signing.gpg.keys = ['{old}', '{new}']\n")
    assert f"is not signed by {new}" in problems(archive)
    assert "signed by" in archive("publish", "update", "stable")
    assert "There are no problems" in problems(archive)
    both = archive.source()
    for number, source in enumerate((old_source, both)):
        assert "NO_PUBKEY" not in Apt(tmp_path / f"during-{number}", source).update()
    for keyring in (old_keyring, new_keyring):
        detached("sqv", keyring)

    settings.write_text(f"signing.gpg.keys = ['{new}']\n")
    assert f"is signed by {old}, which does not sign it any more" in problems(archive)
    archive("publish", "update", "stable")
    detached("gpgv", new_keyring)
    detached("gpgv", old_keyring, exit_code=2)
    detached("sqv", old_keyring, exit_code=1)
    assert "Nothing has changed" in archive("publish", "update", "stable")
    Apt(tmp_path / "after", both).update()


def test_apt_refuses_what_is_past_its_date_and_accepts_it_renewed(
    archive, aged, exported, detached, tmp_path
):
    archive.environment["SOURCE_DATE_EPOCH"] = "1748740000"
    archive("publish", "resign", "stable", "--valid-for", "9d")
    del archive.environment["SOURCE_DATE_EPOCH"]
    apt = Apt(tmp_path / "client", archive.source())
    assert "is expired" in apt("apt-get", "update", exit_code=100)
    said = archive("publish", "renew")
    assert f"Renewed ./stable: signed by {fingerprints(archive)[0]}, valid until" in said
    assert "W:" not in apt.update()
    for program in ("gpgv", "sqv"):
        detached(program, exported())
    assert "There are no problems" in problems(archive)
    assert archive("publish", "renew") == "Nothing is due.\n"


def test_rotated_key_and_its_package_reach_clients_in_time(published, archive, detached, tmp_path):
    """A client that installs the package of the keyring needs no more at any stage."""
    (old,) = fingerprints(archive)
    (archive.root / "debrepo.toml").write_text(
        f'keyring.repo = "tools"\nkeyring.name = "tools"\nsigning.gpg.keys = ["{old}"]\n'
    )
    archive("key", "package")
    stanza = archive.source().partition("Signed-By:")[0]
    keyring = tmp_path / "keyring.gpg"

    def install(apt):
        """Unpack the newest package of the keyring, as dpkg does."""
        apt("apt-get", "download", "tools-archive-keyring")
        newest = max((apt.home / "downloads").glob("*.deb"), key=lambda path: path.stat().st_ctime)
        subprocess.run(["dpkg-deb", "-x", newest, tmp_path / "system"], check=True)
        place = tmp_path / "system/usr/share/keyrings/tools-archive-keyring.gpg"
        keyring.write_bytes(place.read_bytes())

    Apt(tmp_path / "first", archive.source()).update()
    keyring.write_text("")
    apt = Apt(tmp_path / "client", archive.source())
    apt.update()
    install(apt)
    apt.trust(f"{stanza}Signed-By: {keyring}\n")
    archive("key", "create", "--name", "New key")
    (new,) = set(fingerprints(archive)) - {old}
    archive("key", "rotate", "start", old, new)
    for stage in ("co-signing", "primary", "retired"):
        assert "W:" not in apt.update()
        install(apt)
        assert "cannot be" in archive.start("key", "rotate", "next").communicate()[1]
        assert f"Stage: {stage}" in archive("key", "rotate", "next", "--yes-really")
        assert "There are no problems" in problems(archive)
    assert "W:" not in apt.update()
    install(apt)
    for program in ("gpgv", "sqv"):
        detached(program, keyring)
    assert new in archive("key", "rotate", "show")


def test_gpgv_minds_a_second_signature_of_an_unknown_key_and_sqv_does_not(
    published, archive, exported, detached, tmp_path
):
    """gpgv 2.2 and 2.4 end with 2 although one signature is good; sqv ends with 0, and so do
    apt and debootstrap, which look at what is good."""
    (old,) = fingerprints(archive)
    keyring, source = exported(), archive.source()
    archive("key", "create", "--name", "New key")
    (new,) = set(fingerprints(archive)) - {old}
    archive("publish", "update", "stable", "--gpg-key", old, "--gpg-key", new)
    said = detached("gpgv", keyring, exit_code=2)
    assert "Good signature" in said
    assert re.search(r"No public key", said)
    assert old in detached("sqv", keyring)
    Apt(tmp_path / "one-key", source).update()
    detached("gpgv", exported(old, new))
    detached("sqv", exported(old, new))


def test_sequoia_refuses_what_was_signed_before_the_key_was_prolonged(
    archive, aged, gpg, dists, exported, detached
):
    """This is why `key extend` signs again: gpgv accepts it, sqv does not."""
    (key,) = fingerprints(archive)
    gpg("--quick-set-expire", key, "3y")
    keyring = exported()
    detached("gpgv", keyring)
    assert SEQUOIA in detached("sqv", keyring, exit_code=1)
    check, _ = archive.start("key", "check").communicate()
    assert f"{key}: signed publication ./stable before its self-signature" in check
    assert f"before the newest self-signature of {key}" in problems(archive)

    archive("publish", "update", "stable")
    detached("sqv", keyring)
    assert "no problems" in archive("key", "check")
    assert "There are no problems" in problems(archive)


def test_extended_key_is_good_for_old_and_new_clients(
    archive, aged, dists, exported, detached, tmp_path
):
    (key,) = fingerprints(archive)
    before, source = exported(), archive.source()
    said = archive("key", "extend", key, "--expire", "3y")
    assert re.search(rf"Key {key} is valid until 20\d\d-", said)
    assert "Signed publication ./stable again." in said
    for keyring in (before, exported()):
        detached("gpgv", keyring)
        detached("sqv", keyring)
    Apt(tmp_path / "old", source).update()
    Apt(tmp_path / "new", archive.source()).update()
    assert "Nothing has changed" in archive("publish", "update", "stable")


def test_extending_a_key_publishes_no_package_that_waits(archive, aged, debs, dists):
    (key,) = fingerprints(archive)
    archive("repo", "remove", "tools", "hello")
    before = (dists / "main/binary-amd64/Packages.gz").read_bytes()
    archive("key", "extend", key, "--expire", "0")
    assert (dists / "main/binary-amd64/Packages.gz").read_bytes() == before


def test_key_that_has_expired_is_extended(archive, debs, gpg, exported):
    day = ("--faked-system-time", "20250101T000000!")
    gpg(*day, "--quick-gen-key", "Old archive <old@example.org>", "ed25519", "sign", "30d")
    assert "has expired" in archive("key", "list")
    archive("key", "extend", "old@example.org", "--expire", "2y")
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools", "--gpg-key", "old@example.org")
    keyring = exported("old@example.org")
    dists = archive.public / "dists/stable"
    run("sqv", "--keyring", keyring, dists / "Release.gpg", dists / "Release")


def test_subkeys_are_extended_with_their_key(archive, gpg):
    gpg("--quick-gen-key", "Sub archive <sub@example.org>", "ed25519", "cert", "10d")
    key = archive.json("key", "show", "sub@example.org")["fingerprint"]
    gpg("--quick-add-key", key, "ed25519", "sign", "10d")
    archive("key", "extend", "sub@example.org", "--expire", "400d")
    listing = gpg("--with-colons", "--list-keys", key).decode().splitlines()
    ends = [int(line.split(":")[6]) for line in listing if line[:3] in ("pub", "sub")]
    assert len(ends) == 2
    assert all(end > time.time() + 399 * 86400 for end in ends)


def test_key_whose_primary_part_is_elsewhere_is_not_extended(archive, gpg):
    gpg("--quick-gen-key", "Sub archive <sub@example.org>", "ed25519", "cert", "10d")
    key = archive.json("key", "show", "sub@example.org")["fingerprint"]
    gpg("--quick-add-key", key, "ed25519", "sign", "10d")
    listing = gpg("--with-colons", "--with-keygrip", "--list-secret-keys", key).decode()
    grip = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("grp"))
    (archive.root / "gnupg/private-keys-v1.d" / f"{grip}.key").unlink()
    process = archive.start("key", "extend", "sub@example.org", "--expire", "2y")
    _, errors = process.communicate()
    assert process.returncode == 10
    assert "was not prolonged" in errors


@pytest.mark.parametrize("expire", ["never", "2x", "", "-1d", "2020-13-45"])
def test_what_is_no_expiry_extends_nothing(archive, expire):
    (key,) = fingerprints(archive)
    process = archive.start("key", "extend", key, "--expire", expire)
    _, errors = process.communicate()
    assert process.returncode in (2, 10), errors
    assert "Traceback" not in errors


def test_binary_export_is_what_gpgv_reads(published, exported, detached):
    detached("gpgv", exported())


@pytest.mark.skipif(not which("debootstrap"), reason="needs debootstrap")
def test_debootstrap_reads_the_binary_key(published, archive, exported, tmp_path):
    """debootstrap 1.0.128, 1.0.141 and 1.0.145; with gpgv, it refuses an armored keyring."""
    words = ("--print-debs", "--variant=minbase", "--arch=amd64", "--include=greeter")
    said = run(
        "debootstrap", *words, f"--keyring={exported()}", "stable", tmp_path / "system",
        f"file://{archive.public}", "/usr/share/debootstrap/scripts/sid",
    )  # fmt: skip
    assert "Valid Release signature" in said


def test_printed_sources_file_is_all_that_a_client_needs(published, archive, tmp_path):
    text = archive("publish", "sources", "stable")
    key = archive("key", "export").splitlines()
    embedded = text.partition("Signed-By:\n")[2].splitlines()
    assert embedded == [f" {line or '.'}" for line in key]
    assert " .\n" in text
    assert "deb-src" in text
    said = Apt(tmp_path / "new", text).update()
    assert "W:" not in said


def test_published_sources_file_and_keyring_are_all_that_a_client_needs(
    archive, debs, dists, detached, tmp_path
):
    (archive.root / "debrepo.toml").write_text(
        f'storage.fs.default.public_url = "file://{archive.public}"\n'
    )
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools", "--client-files")
    apt = Apt(tmp_path / "new", (dists / "archive.sources").read_text())
    assert "W:" not in apt.update()
    assert "hello" in apt("apt-cache", "search", "hello")
    for program in ("gpgv", "sqv"):
        detached(program, dists / "archive-keyring.gpg")
    stanza = (dists / "archive.sources").read_text().partition("Signed-By:")[0]
    keyring = dists / "archive-keyring.asc"
    assert "W:" not in Apt(tmp_path / "file", f"{stanza}Signed-By: {keyring}\n").update()


def test_printed_sources_file_of_what_is_not_signed_says_so(archive, debs, tmp_path):
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools", "--skip-signing")
    text = archive("publish", "sources", "stable", "--url", f"file://{archive.public}")
    assert text.endswith(
        f"URIs: file://{archive.public}\nSuites: stable\nComponents: main\nTrusted: yes\n"
    )
    Apt(tmp_path / "new", text).update()
    archive("publish", "sources", "stable", "--url", "https://a b", exit_code=2)
    archive("publish", "sources", "other", exit_code=3)


@pytest.mark.skipif(not which("mmdebstrap"), reason="needs mmdebstrap")
@pytest.mark.parametrize("name", ["tools.gpg", "tools.asc"])
def test_mmdebstrap_reads_the_key_with_and_without_armor(published, archive, tmp_path, name):
    """mmdebstrap 1.3.5."""
    keyring = tmp_path / name
    binary = ["--binary"] if name.endswith(".gpg") else []
    with keyring.open("wb") as file:
        words = [*archive.command, "key", "export", *binary]
        subprocess.run(words, stdout=file, env=archive.environment, check=True)
    source = f"deb [signed-by={keyring}] file://{archive.public} stable main"
    sandbox = '--aptopt=APT::Sandbox::User "root"'  # else it cannot read below /tmp/pytest-of-root
    words = (sandbox, "--simulate", "--mode=root", "--variant=custom", "--include=greeter")
    said = run("mmdebstrap", *words, "stable", "/dev/null", source)
    assert "success in" in said


def apt_version():
    return tuple(map(int, re.findall(r"\d+", run("apt-get", "--version"))[:2]))


@pytest.mark.skipif(apt_version() < (3, 3), reason="needs apt 3.3")
def test_signed_by_in_release_is_a_warning_and_nothing_else(published, archive, tmp_path):
    """apt 3.3.5: a Release that names keys does not change what a client trusts."""
    source = archive.source()
    archive("publish", "update", "stable", "--signed-by", "0123456789ABCDEF" * 2 + "01234567")
    apt = Apt(tmp_path / "client", source)
    for _ in range(2):
        said = apt("apt-get", "update")
        assert "no longer supported" in said
    archive("key", "create", "--name", "Unknown")
    (old, new) = fingerprints(archive)
    archive("publish", "update", "stable", "--gpg-key", old, "--gpg-key", new, "--force")
    apt("apt-get", "update")


@pytest.mark.parametrize("name", ["tools.asc", "tools.gpg"])
def test_apt_reads_a_key_from_a_file_that_is_named_after_its_format(
    published, archive, tmp_path, name
):
    keyring = tmp_path / name
    words = [*archive.command, "key", "export", *(["--binary"] if name.endswith(".gpg") else [])]
    with keyring.open("wb") as file:
        subprocess.run(words, stdout=file, env=archive.environment, check=True)
    stanza = archive.source().partition("Signed-By:")[0]
    Apt(tmp_path / "client", f"{stanza}Signed-By: {keyring}\n").update()


def test_subkey_that_is_named_signs_and_is_reported(archive, debs, gpg, exported):
    for day, words in (
        ("01", ["--quick-gen-key", "Sub archive", "ed25519", "cert", "never"]),
        ("02", ["--quick-add-key", None, "ed25519", "sign", "never"]),
        ("03", ["--quick-add-key", None, "ed25519", "sign", "never"]),
    ):
        shown = archive.json("key", "list")
        found = [key["fingerprint"] for key in shown if key["user_ids"] == ["Sub archive"]]
        gpg("--faked-system-time", f"202501{day}T000000!", *(word or found[0] for word in words))
    listing = gpg("--with-colons", "--list-keys", "Sub archive").decode().splitlines()
    _, older, newer = [line.split(":")[9] for line in listing if line.startswith("fpr")]
    assert re.search(rf"Signs with: +{newer}\n", archive("key", "show", "Sub archive"))
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", debs)
    assert f"signed by {older}." in archive("publish", "repo", "tools", "--gpg-key", f"{older}!")
    inrelease = archive.public / "dists/stable/InRelease"
    assert f"key {older}" in run("gpgv", "--keyring", exported("Sub archive"), inrelease)
    assert f"signed by {newer}." in archive("publish", "update", "stable", "--gpg-key", newer)


def test_extending_a_key_names_what_it_could_not_sign_again(published, archive, gpg, exported):
    (old,) = fingerprints(archive)
    archive("key", "create", "--name", "Gone")
    (gone,) = set(fingerprints(archive)) - {old}
    archive("publish", "update", "stable", "--gpg-key", old, "--gpg-key", gone)
    archive("publish", "repo", "tools", "second", "--distribution", "other", "--gpg-key", old)
    gpg("--yes", "--delete-secret-keys", gone)
    process = archive.start("key", "extend", old, "--expire", "2y")
    said, errors = process.communicate()
    assert process.returncode == 10
    assert "Signed publication second/other again." in said
    assert "publication:./stable is not signed again: there is no secret key" in errors
    assert 'run "debrepo publish update DISTRIBUTION"' in errors
    archive("publish", "update", "stable", "--gpg-key", old)
    assert "There are no problems" in problems(archive)


def test_unknown_key_is_not_extended(archive):
    process = archive.start("key", "extend", "nobody@example.org", "--expire", "2y")
    _, errors = process.communicate()
    assert process.returncode == 10
    assert "nobody@example.org" in errors
