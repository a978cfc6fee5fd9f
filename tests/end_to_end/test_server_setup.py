"""A server as setup-server makes it: nginx with TLS, the unit's command on its socket, and apt."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
import requests
from end_to_end.clients import SYSTEM, Apt

pytestmark = pytest.mark.skipif(
    not (shutil.which("nginx", path="/usr/sbin:/usr/bin") and shutil.which("openssl")),
    reason="needs nginx (Debian: nginx-light) and openssl",
)

NGINX = """
daemon off;
master_process off;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    scgi_temp_path {place}/scgi;
    uwsgi_temp_path {place}/uwsgi;
    include {place}/below/etc/nginx/conf.d/*.conf;
}}
"""


@pytest.fixture
def certificate(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def effective(below, unit, name):
    """Return the last value of a setting of a unit, as systemd reads it."""
    units = below / "etc/systemd/system"
    files = [units / unit, *sorted(units.glob(f"{unit}.d/*.conf"))]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")][-1]


@contextmanager
def activated(below, root):
    """Run what the unit starts, with the socket that systemd would hold for it."""
    path = effective(below, "debrepo.socket", "ListenStream")
    words = effective(below, "debrepo.service", "ExecStart").split()
    name, _, value = effective(below, "debrepo.service", "Environment").partition("=")
    assert (name, value) == ("DEBREPO_ROOT", "/var/lib/debrepo")
    environment = os.environ | {"DEBREPO_ROOT": str(root), "LISTEN_FDS": "1"}
    script = 'exec 3<&"$0"; LISTEN_PID=$$ exec "$@"'
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        words = ["bash", "-c", script, str(listener.fileno()), *words]
        server = subprocess.Popen(
            words, env=environment, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        )
    try:
        yield server
    finally:
        server.terminate()
        assert server.wait(60) == 0


@contextmanager
def nginx(place, port):
    (place / "nginx.conf").write_text(NGINX.format(place=place))
    words = ["/usr/sbin/nginx", "-p", str(place), "-c", str(place / "nginx.conf")]
    checked = subprocess.run([*words, "-t"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            assert process.poll() is None, (place / "error.log").read_text()
            try:
                socket.create_connection(("localhost", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif(str(SYSTEM) != "/", reason="the certificate is on this machine")
def test_apt_fetches_through_nginx_from_the_unit_with_a_token(
    new_archive, debs, tmp_path, certificate
):
    below, port = tmp_path / "below", free_port()
    root = below / "var/lib/debrepo"
    root.parent.mkdir(parents=True)
    archive = new_archive("below/var/lib/debrepo")
    (root / "debrepo.toml").write_text("server.anonymous = []\n")
    url = f"https://localhost:{port}"
    setup = ("setup-server", "--prefix", below, "--root", "/var/lib/debrepo", "--proxy", "nginx")
    tls = ("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    more = ("--public-url", url, "--listen", f"unix:{tmp_path}/sock")
    lines = archive(*setup, *tls, *more)
    assert f'add to it: [storage.fs.default]; public_url = "{url}/repos/-"' in lines
    with (root / "debrepo.toml").open("a") as config:
        config.write(f'[storage.fs.default]\npublic_url = "{url}/repos/-"\n')
    token = (below / "etc/debrepo/admin.token").read_text().strip()
    with activated(below, root), nginx(tmp_path, port):
        trusting = {"verify": str(certificate[0]), "timeout": 60}
        assert requests.get(f"{url}/api/repos", **trusting).status_code == 401
        remote = {
            "DEBREPO_SERVER": url,
            "DEBREPO_TOKEN": token,
            "SSL_CERT_FILE": str(certificate[0]),
        }
        archive.environment |= remote
        archive("repo", "create", "tools", "--distribution", "stable")
        archive("repo", "add", "tools", debs)
        archive("publish", "repo", "tools")
        source = archive("publish", "sources", "stable")
        assert f"URIs: {url}/repos/-\n" in source
        reader = archive("token", "create", "web1", "--scope", "download:-/*").strip()
        apt = Apt(tmp_path / "client", source)
        with (apt.home / "apt.conf").open("a") as conf:
            conf.write(f'Acquire::https::CAInfo "{certificate[0]}";\n')
        denied = apt("apt-get", "-o", "APT::Update::Error-Mode=any", "update", exit_code=100)
        assert "401" in denied
        (apt.home / "etc/apt/auth.conf.d").mkdir()
        (apt.home / "etc/apt/auth.conf.d/debrepo.conf").write_text(
            f"machine localhost login apt password {reader}\n"
        )
        apt.update()
        apt("apt-get", "download", "hello")
        assert [path.name for path in (apt.home / "downloads").iterdir()] == [
            "hello_1%3a2.10-3+b1_amd64.deb"
        ]
        page = requests.get(url, headers={"Accept": "text/html"}, auth=("apt", reader), **trusting)
        assert 'href="/publications/-/stable"' in page.text
        at = f"{url}/sources/-/stable.sources"
        assert requests.get(at, auth=("apt", reader), **trusting).text == source
