"""Setting up a server: units, token and proxy, written below a directory."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from debrepo_setup import doing, operations, planning, units
from debrepo_setup.choices import Choices

UNITS = "etc/systemd/system"
SERVICE = f"{UNITS}/debrepo.service.d/debrepo-setup.conf"
SOCKET = f"{UNITS}/debrepo.socket.d/debrepo-setup.conf"
NGINX = "etc/nginx/conf.d/debrepo.conf"


@pytest.fixture
def below(tmp_path):
    return tmp_path / "below"


@pytest.fixture
def setup(debrepo, below):
    """Run setup-server below a directory; return the lines by what was done."""

    def run(*words, exit_code=0, token=False):
        more = () if token else ("--no-token",)
        root = () if "--root" in words else ("--root", "/var/lib/debrepo")
        result = debrepo(
            "setup-server", "--prefix", below, *root, *words, *more, exit_code=exit_code
        )
        return result if exit_code else result.stdout.splitlines()

    return run


def done(lines, action):
    return [line.split()[1] for line in lines if line.startswith(f"{action} ")]


def settings(path, name):
    lines = path.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def proxied(tmp_path, proxy="nginx", url="https://repo.example.org"):
    certificate = ("--tls-certificate", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    return ("--proxy", proxy, "--public-url", url, *certificate)


def test_files_are_written_and_what_needs_the_machine_is_skipped(setup, below):
    lines = setup()
    written = sorted(str(path.relative_to(below)) for path in below.rglob("*") if path.is_file())
    assert written == [
        "etc/debrepo/setup.toml",
        f"{UNITS}/debrepo.service",
        SERVICE,
        f"{UNITS}/debrepo.socket",
        SOCKET,
    ]
    assert (below / "var/lib/debrepo").is_dir()
    skipped = [line for line in lines if line.startswith("skip ")]
    assert any(
        line.startswith("skip     systemctl enable --now debrepo.socket") for line in skipped
    )
    assert all(line.endswith("(with --prefix, nothing but files is made)") for line in skipped)


def test_second_run_changes_nothing(setup, below, tmp_path):
    setup(*proxied(tmp_path), token=True)
    before = {path: path.stat().st_mtime_ns for path in below.rglob("*") if "/db" not in str(path)}
    lines = setup(token=True)
    assert done(lines, "write") + done(lines, "create") + done(lines, "run") == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_dry_run_prints_each_file_and_command_and_makes_nothing(setup, below, tmp_path):
    lines = setup("--dry-run", *proxied(tmp_path), token=True)
    assert not below.exists()
    assert f"write    {below}/{SERVICE}" in lines
    assert "         | ReadWritePaths=/var/lib/debrepo" in lines
    assert "         |     server unix:/run/debrepo.sock;" in lines
    assert any(line.endswith(f">{below}/etc/debrepo/admin.token  (unless a token may do everything;"
                             " only its owner can read it)") for line in lines)  # fmt: skip


def test_choices_are_remembered(setup, below, tmp_path):
    setup(*proxied(tmp_path), "--user", "packager")
    setup("--listen", "127.0.0.1:8080")
    assert settings(below / SERVICE, "User") == ["packager"]
    assert settings(below / SERVICE, "ExecStart")[1].endswith(" serve --require-token")
    assert settings(below / SOCKET, "ListenStream") == ["", "127.0.0.1:8080"]
    assert "server 127.0.0.1:8080;" in (below / NGINX).read_text()


def test_without_a_proxy_the_socket_is_for_the_group_and_needs_no_token(setup, below):
    setup()
    assert settings(below / SOCKET, "SocketMode") == ["0660"]
    assert settings(below / SERVICE, "ExecStart")[1].endswith(" serve")


def test_behind_a_proxy_everybody_needs_a_token(setup, below, tmp_path):
    setup(*proxied(tmp_path))
    assert settings(below / SOCKET, "SocketMode") == ["0666"]
    assert settings(below / SERVICE, "ExecStart")[1].endswith(" serve --require-token")


def test_unit_allows_the_storages_that_are_configured(setup, below):
    setup()
    config = below / "var/lib/debrepo/debrepo.toml"
    config.write_text(
        '[storage.fs.web]\nroot = "/srv/www/de bian"\n[storage.fs.home]\nroot = "/home/x/www"\n'
        '[storage.fs.own]\nroot = "own"\n[storage.s3.far]\nbucket = "b"\n'
    )
    lines = setup()
    assert done(lines, "write") == [str(below / SERVICE)]
    paths = settings(below / SERVICE, "ReadWritePaths")
    assert paths == ["/var/lib/debrepo", "-/home/x/www", '"-/srv/www/de bian"']
    assert settings(below / SERVICE, "ProtectHome") == ["read-only"]
    assert (below / "srv/www/de bian").is_dir()


def test_public_url_is_configured_once(setup, below, tmp_path):
    setup(*proxied(tmp_path, url="https://repo.example.org:8443/"))
    config = below / "var/lib/debrepo/debrepo.toml"
    line = 'public_url = "https://repo.example.org:8443/repos/-"'
    assert config.read_text() == f"[storage.fs.default]\n{line}\n"
    config.write_text("server.tasks = 4\n")
    lines = setup()
    assert f"keep     {config}  (add to it: [storage.fs.default]; {line})" in lines
    assert config.read_text() == "server.tasks = 4\n"


def test_file_that_was_changed_by_hand_is_kept_unless_that_is_forced(setup, below, tmp_path):
    setup(*proxied(tmp_path))
    changed = below / NGINX
    changed.write_text(changed.read_text().replace("1d", "5m"))
    text, socket = changed.read_text(), (below / SOCKET).read_text()
    result = setup("--listen", ":8080", exit_code=4)
    assert "-        proxy_read_timeout 5m;\n+        proxy_read_timeout 1d;\n" in result.stderr
    assert f"Error: changed by hand: /{NGINX}\n" in result.stderr
    assert (changed.read_text(), (below / SOCKET).read_text()) == (text, socket)
    assert done(setup("--dry-run"), "differs") == [str(changed)]
    setup("--force")
    assert "proxy_read_timeout 1d;" in changed.read_text()


def test_units_of_a_package_are_left_to_it(setup, below):
    (below / "usr/lib/systemd/system").mkdir(parents=True)
    for name in (units.SERVICE, units.SOCKET):
        (below / "usr/lib/systemd/system" / name).write_text(units.unit(name))
    setup()
    assert [path.name for path in sorted((below / UNITS).iterdir())] == [
        "debrepo.service.d",
        "debrepo.socket.d",
    ]


def test_first_token_is_in_a_file_that_only_its_owner_can_read(setup, below, debrepo):
    setup(token=True)
    path = below / "etc/debrepo/admin.token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("debrepo-")
    root = below / "var/lib/debrepo"
    (row,) = json.loads(debrepo("--root", root, "token", "list", "--json").stdout)
    assert (row["name"], row["scopes"]) == ("admin", ["admin"])
    text = path.read_text()
    assert "keep     token admin" in setup(token=True)
    assert path.read_text() == text


def test_caddy_gets_certificates_by_itself(setup, below):
    setup("--proxy", "caddy", "--public-url", "https://repo.example.org")
    text = (below / "etc/caddy/debrepo.caddy").read_text().partition("\n")[2].partition("\n")[2]
    assert text == "https://repo.example.org {\n\treverse_proxy unix//run/debrepo.sock\n}\n"
    assert (below / "etc/caddy/Caddyfile").read_text() == "import debrepo.caddy\n"


def test_root_of_the_command_line_is_that_of_the_server(debrepo, debrepo_root, below):
    debrepo("setup-server", "--prefix", below, "--no-token")
    assert settings(below / SERVICE, "ReadWritePaths") == [str(debrepo_root)]
    assert settings(below / SERVICE, "StateDirectory") == [""]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--proxy", "nginx"), "nginx has to know its own address"),
        (("--public-url", "repo.example.org"), "not the URL of a server: 'repo.example.org'"),
        (("--public-url", "https://x.org/debian"), "not the URL of a server"),
        (("--public-url", "https://x.org:x"), "not the URL of a server"),
        (("--public-url", "https://x.org; }"), "not the URL of a server"),
        (("--public-url", "https://a b.org"), "not the URL of a server"),
        (("--public-url", "https://["), "not the URL of a server"),
        (("--user", "a b"), "not the name of a user: 'a b'"),
        (("--user", ""), "not the name of a user: ''"),
        (("--root", "srv"), "the root cannot be 'srv'"),
        (("--root", "/srv/../etc"), "the root cannot be '/srv/../etc'"),
        (("--root", "/srv\nUser=root"), r"the root cannot be '/srv\nUser=root'"),
        (("--listen", "unix:sock"), "the socket cannot be 'sock'"),
        (("--listen", "nowhere"), "cannot listen on 'nowhere'"),
        (("--listen", "localhost:99999"), "cannot listen on 'localhost:99999'"),
        (("--listen", "a b:80"), "cannot listen on 'a b:80'"),
        (("--tls-key", "/k"), "a certificate needs its key"),
        (("--tls-certificate", "/c;", "--tls-key", "/k"), "--tls-certificate cannot be '/c;'"),
        (("--command", "/bin/debrepo -x\nUser=root"), "not a command for a unit"),
        (("--command", "debrepo"), "the program cannot be 'debrepo'"),
    ],
)
def test_bad_choices_are_one_line_and_change_nothing(setup, below, words, said):
    result = setup(*words, exit_code=2)
    assert f"Error: {said}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not below.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user = 5\n", "has an odd user"),
        ('colour = "red"\n', "has an odd colour"),
        ("user\n", "cannot read"),
        ('user = "a b"\n', "not the name of a user"),
    ],
)
def test_remembered_choices_that_are_odd_are_one_line(setup, below, text, said):
    (below / "etc/debrepo").mkdir(parents=True)
    (below / "etc/debrepo/setup.toml").write_text(text)
    assert said in setup(exit_code=2).stderr


def test_directory_that_cannot_be_written_is_one_line(setup, below):
    below.mkdir()
    (below / "etc").write_text("")
    assert "cannot" in setup(exit_code=2).stderr


def test_machine_itself_needs_root_and_a_web_server_with_its_certificate(session, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Exception, match="setting up a server needs root"):
        operations.setup(session)
    choices = Choices(proxy="nginx", public_url="https://x.org", tls_certificate="/none")
    monkeypatch.setattr(planning, "which", lambda name: None)
    with pytest.raises(Exception, match="there is no nginx on this machine"):
        planning.check_proxy(choices)
    monkeypatch.setattr(planning, "which", lambda name: name)
    with pytest.raises(Exception, match="there is no /none, without which nginx does not start"):
        planning.check_proxy(choices)


def test_command_that_fails_is_one_line(tmp_path):
    with pytest.raises(Exception, match="failed: there is nothing"):
        doing._output(["sh", "-c", "echo there is nothing >&2; exit 3"])
    with pytest.raises(Exception, match="cannot run nothing-of-this-name"):
        doing._output(["nothing-of-this-name"])


def test_killed_run_is_finished_by_the_next(setup, below, monkeypatch, tmp_path):
    words = proxied(tmp_path)
    total = len(done(setup("--dry-run", *words), "write"))
    for number in range(total):
        real, count = doing._replace, iter(range(total))

        def stop(*args, real=real, count=count, number=number):
            if next(count) == number:
                raise KeyboardInterrupt
            real(*args)

        monkeypatch.setattr(doing, "_replace", stop)
        setup(*words, exit_code=1)
        monkeypatch.setattr(doing, "_replace", real)
        setup(*words)
        assert done(setup(*words), "write") == []
        shutil.rmtree(below)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_accepts_the_units_and_finds_them_closed(setup, below, tmp_path):
    setup("--command", sys.executable, *proxied(tmp_path))
    for name in (units.SERVICE, units.SOCKET):
        path = below / UNITS / name
        path.write_text(path.read_text().replace("man:debrepo", "man:true"))
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{below / UNITS}:"}
    words = ["systemd-analyze", "verify", "--man=no", units.SERVICE, units.SOCKET]
    verified = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert [line for line in verified.stderr.splitlines() if "debrepo" in line] == []
    words = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", units.SERVICE]
    found = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert found.returncode == 0, found.stdout


@pytest.fixture
def doctored(debrepo, debrepo_root, monkeypatch, tmp_path):
    """Set up a server for the root; return the units' directory and what doctor says of them."""
    below = tmp_path / "below"
    debrepo("setup-server", "--prefix", below, "--no-token")
    debrepo("repo", "create", "main")
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(below / UNITS))

    def say(exit_code=0):
        lines = debrepo("doctor", exit_code=exit_code).stdout.splitlines()
        return [line for line in lines if " unit " in line]

    return below / UNITS, say


def test_doctor_says_what_the_unit_does_not_allow(debrepo, debrepo_root, doctored, tmp_path):
    directory, say = doctored
    assert say() == ["ok: unit debrepo.service"]
    debrepo_root.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text(f'[storage.fs.web]\nroot = "{tmp_path}/w w"\n')
    (line,) = say(exit_code=6)
    assert line == (
        f"error: unit debrepo.service: does not allow to write to {tmp_path}/w w, where fs:web is"
        ' (run "debrepo setup-server" again, or add it to ReadWritePaths)'
    )
    part = directory / "debrepo.service.d/own.conf"
    part.write_text(f'[Service]\nReadWritePaths="-{tmp_path}/w w"\n')
    assert say() == ["ok: unit debrepo.service"]
    part.write_text("[Service]\nReadWritePaths=\nReadWritePaths=/srv\n")
    assert len(say(exit_code=6)) == 2
    part.write_text("[Service]\nProtectSystem=full\nReadWritePaths=\n")
    assert say() == ["ok: unit debrepo.service"]


def test_doctor_leaves_units_of_other_roots_alone(doctored, debrepo, tmp_path):
    debrepo("--root", tmp_path / "other", "repo", "create", "main")
    lines = debrepo("--root", tmp_path / "other", "doctor").stdout.splitlines()
    assert [line for line in lines if " unit " in line] == []
