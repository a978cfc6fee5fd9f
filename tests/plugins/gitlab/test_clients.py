"""Real clients against a real server: curl, apt, dput, dupload and python-gitlab."""

import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from threading import Event

import gitlab
import pytest
from end_to_end.clients import Apt, run
from gitlab.exceptions import GitlabHttpError

from debrepo.testing.packages import build_deb

requires = {
    name: pytest.mark.skipif(not shutil.which(name), reason=f"no {name}")
    for name in ("curl", "dput", "dupload", "dpkg-buildpackage", "apt-get")
}

GUIDE = Path(__file__).parents[3] / "docs/guide/gitlab.md"
ID = "1"
BASE = f"/api/v4/projects/{ID}"


@pytest.fixture
def server(serving, debrepo):
    """A server with the private project acme/web, its tokens, and the distribution sid."""
    debrepo("group", "create", "acme")
    debrepo("project", "create", "acme/web")
    debrepo("group", "member", "acme", "ann", "maintainer")
    debrepo("token", "create", "admin", "--scope", "admin")
    return serving("--require-token").url


@pytest.fixture
def token(debrepo):
    """Make a token: ``token("personal", "ann")``."""

    def make(name, *owner):
        return debrepo("project", "token", "create", name, *owner).stdout.strip()

    return make


@pytest.fixture
def curl(server, token):
    """Run an example of the documentation, with our host and a token."""
    secret = token("ann", "--user", "ann")

    def run_example(text, exit_code=0):
        text = text.replace("https://gitlab.example.com", server)
        text = text.replace("<your_access_token>", secret).replace("projects/5", "projects/1")
        return run("bash", "-c", f"{text} --silent --show-error", exit_code=exit_code)

    return run_example


HEADER = 'curl --header "PRIVATE-TOKEN: <your_access_token>"'
EXAMPLE = "https://gitlab.example.com/api/v4/projects/5/debian_distributions"


@requires["curl"]
def test_examples_of_the_documentation(curl):
    sid = (
        '"codename":"sid","suite":null,"origin":null,"label":null,"version":null,'
        '"description":null,"valid_time_duration_seconds":null,"components":["main"],'
        '"architectures":["all","amd64"]'
    )
    verb = HEADER.replace("curl", "curl --request {}")
    assert sid in curl(f'{verb.format("POST")} "{EXAMPLE}?codename=sid"')
    assert curl(f'{HEADER} "{EXAMPLE}"').startswith('[{"id":1,' + sid)
    # The documentation asks for the suite where the codename is due, and we understand.
    curl(f'{verb.format("PUT")} "{EXAMPLE}/sid?suite=unstable"')
    assert '"codename":"sid"' in curl(f'{HEADER} "{EXAMPLE}/unstable"')
    changed = curl(
        f"{verb.format('PUT')} "
        f'"{EXAMPLE}/unstable?suite=new-suite&valid_time_duration_seconds=604800"'
    )
    assert '"suite":"new-suite"' in changed
    assert '"valid_time_duration_seconds":604800' in changed
    for _ in range(100):
        key = curl(f'{HEADER} "{EXAMPLE}/sid/key.asc"')
        if "Not Found" not in key:
            break
        time.sleep(0.2)
    assert key.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert curl(f'{verb.format("DELETE")} "{EXAMPLE}/sid"') == '{"message":"202 Accepted"}'


@pytest.fixture
def sid(server, debrepo):
    debrepo("distribution", "create", "acme/web", "sid", "--suite", "unstable")
    return f"{server}{BASE}/packages/debian"


@pytest.fixture
def apt(sid, debrepo, token, tmp_path):
    """apt with a reader's deploy token in its auth.conf, once sid is published."""
    debrepo("distribution", "publish", "acme/web", "sid")
    key = debrepo("distribution", "key", "acme/web", "sid").stdout
    signed_by = "".join(f" {line or '.'}\n" for line in key.splitlines())
    source = f"Types: deb deb-src\nURIs: {sid}\nSuites: sid\nComponents: main\nSigned-By:\n"
    client = Apt(tmp_path / "client", source + signed_by)
    secret = token("apt", "--deploy", "acme/web", "--read-only")
    (client.home / "etc/apt/auth.conf").write_text(f"machine {sid} login apt password {secret}\n")
    return client


@requires["curl"]
@requires["apt-get"]
@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only")
def test_job_uploads_with_curl_and_apt_installs(apt, sid, token, tmp_path):
    deb = build_deb(tmp_path, "hello", "1.0")
    secret = token("ci", "--job", "acme/web")
    query = "distribution=sid&component=main&wait=published"
    said = run(
        *("curl", "--silent", "--fail-with-body", "--user", f"gitlab-ci-token:{secret}"),
        *("--upload-file", deb, f"{sid}/{deb.name}?{query}"),
    )
    assert said == '{"message": "201 Created"}'
    apt.update()
    apt("apt-get", "install", "hello")
    assert (apt.home / "usr/share/doc/hello/copyright").exists()
    auth = apt.home / "etc/apt/auth.conf"
    auth.unlink()
    assert "401" in apt("apt-get", "-o", "APT::Update::Error-Mode=any", "update", exit_code=100)


@requires["apt-get"]
def test_apt_reads_what_is_strictly_like_gitlab(debrepo, serving, tmp_path, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text("[gitlab]\nstrict = true\n")
    debrepo("project", "create", "open", "--visibility", "public")
    debrepo("distribution", "create", "open", "sid")
    debrepo("distribution", "publish", "open", "sid")
    key = debrepo("distribution", "key", "open", "sid").stdout
    signed_by = "".join(f" {line or '.'}\n" for line in key.splitlines())
    url = f"{serving().url}{BASE}/packages/debian"
    source = f"Types: deb\nURIs: {url}\nSuites: sid\nComponents: main\nSigned-By:\n"
    client = Apt(tmp_path / "client", source + signed_by)
    client.update()  # of indexes that are empty, and answered with 204
    deb = build_deb(tmp_path, "hello", "1.0")
    debrepo("distribution", "upload", "open", deb, "--distribution", "sid")
    client.update()
    assert client.candidate("hello") == "1.0"


@pytest.fixture
def built(tmp_path):
    """A directory with all that dpkg-buildpackage makes of a source."""
    place = tmp_path / "build/greet-1.0"
    (place / "debian/source").mkdir(parents=True)
    for name, text in {
        "changelog": "greet (1.0) unstable; urgency=low\n\n  * New.\n\n"
        " -- Ann <ann@example.org>  Sun, 01 Sep 2024 12:00:00 +0000\n",
        "control": "Source: greet\nSection: misc\nPriority: optional\n"
        "Maintainer: Ann <ann@example.org>\nStandards-Version: 4.7.0\n\n"
        "Package: greet\nArchitecture: any\nDescription: greets\n It says hello.\n",
        "source/format": "3.0 (native)\n",
        "rules": "#!/usr/bin/make -f\nclean:\nbuild-arch build-indep build:\n"
        "binary-indep:\nbinary binary-arch:\n"
        "\tmkdir -p debian/greet/DEBIAN debian/greet/usr/bin\n"
        "\ttouch debian/greet/usr/bin/greet debian/files\n"
        "\tdpkg-gencontrol -pgreet -Pdebian/greet\n"
        "\tdpkg-deb --root-owner-group --build debian/greet ..\n",
    }.items():
        (place / "debian" / name).write_text(text)
    (place / "debian/rules").chmod(0o755)
    run("dpkg-buildpackage", "--no-sign", "--no-check-builddeps", cwd=place)
    (changes,) = place.parent.glob("*.changes")
    return changes


def wait_for(path_has, text):
    for _ in range(100):
        if text in path_has():
            return
        time.sleep(0.2)
    raise AssertionError(f"no {text} in {path_has()}")


def upload_with_dput(sid, secret, changes, tmp_path):
    host = sid.removeprefix("http://")
    address, _, path = host.partition("/")
    config = tmp_path / "dput.cf"
    config.write_text(
        f"[gitlab]\nmethod = http\nfqdn = ann:{secret}@{address}\nincoming = /{path}\n"
    )
    words = (f"--config={config}", "--unchecked", "--no-upload-log", "gitlab", changes)
    return run("dput", *words, HOME=str(tmp_path))


def example(kind, word):
    """Return the code block of the guide that has a word."""
    text = GUIDE.read_text()
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if word in block]
    return block


def upload_with_dupload(sid, secret, changes, tmp_path):
    config = tmp_path / "dupload.conf"
    host = sid.removeprefix("http://").partition("/")[0]
    text = example("perl", "package config").replace("'https'", "'http'")
    config.write_text(text.replace("packages.example.com", host))
    home = {"HOME": str(tmp_path), "DEBREPO_TOKEN": secret}
    return run("dupload", "--configfile", config, "--nomail", changes, **home)


@requires["curl"]
def test_job_of_the_guide_uploads(server, sid, token, tmp_path):
    (tmp_path / "build").mkdir()
    build_deb(tmp_path / "build", "hello", "1.0")
    job = dedent(example("yaml", "upload:").partition("  script:\n    - |\n")[2])
    script = job.replace("https://packages.example.com", server)
    script = script.replace("distribution=bookworm", "distribution=sid")
    secret = token("ci", "--job", "acme/web")
    run("bash", "-e", "-c", script, cwd=tmp_path, DEBREPO_TOKEN=secret)
    index = run("curl", "--silent", "--user", f"x:{secret}", f"{sid}/pool/sid/h/hello/1.0/")
    assert "404" in index
    url = f"{sid}/pool/sid/h/hello/1.0/hello_1.0_amd64.deb"
    run("curl", "--fail", "--silent", "--output", tmp_path / "got", "--user", f"x:{secret}", url)
    assert (tmp_path / "got").read_bytes() == (tmp_path / "build/hello_1.0_amd64.deb").read_bytes()


@requires["dpkg-buildpackage"]
@requires["apt-get"]
@pytest.mark.parametrize(
    "upload",
    [
        pytest.param(upload_with_dput, marks=requires["dput"]),
        pytest.param(upload_with_dupload, marks=requires["dupload"]),
    ],
)
def test_build_is_uploaded_with_its_changes(apt, sid, built, token, tmp_path, upload):
    secret = token("ann", "--user", "ann")
    upload(sid, secret, built, tmp_path)
    index = ("curl", "--silent", "--user", f"ann:{secret}")
    wait_for(lambda: run(*index, f"{sid}/dists/sid/main/source/Sources"), "Package: greet")
    apt.update()
    assert apt.candidate("greet") == "1.0"
    apt("apt-get", "source", "greet")
    assert (apt.home / "downloads/greet-1.0/debian/changelog").exists()


def test_python_gitlab_gets_on_with_it(server, sid, debrepo, token, tmp_path):
    deb = build_deb(tmp_path, "hello", "1.0")
    debrepo("distribution", "upload", "acme/web", deb, "--distribution", "sid")
    client = gitlab.Gitlab(server, private_token=token("ann", "--user", "ann"))
    project = client.projects.get("acme/web")
    client.auth()
    assert client.user.username == "ann"
    assert client.version()[1] == "debrepo"
    assert [one.id for one in client.projects.list(get_all=True)] == [1]
    assert [one.full_path for one in client.groups.list(get_all=True)] == ["acme"]
    assert (project.id, project.path_with_namespace) == (1, "acme/web")
    (package,) = project.packages.list(package_type="debian", get_all=True)
    assert (package.name, package.version) == ("hello", "1.0")
    (file,) = package.package_files.list(get_all=True)
    assert file.file_name == "hello_1.0_amd64.deb"
    found = client.http_list("/projects/1/debian_distributions", per_page=1, iterator=True)
    assert [one["codename"] for one in found] == ["sid"]
    client.http_post("/projects/1/debian_distributions", post_data={"codename": "trixie"})
    with pytest.raises(GitlabHttpError, match="has already been taken"):
        client.http_post("/projects/1/debian_distributions", post_data={"codename": "trixie"})
    project.packages.delete(package.id)
    assert project.packages.list(get_all=True) == []
    (group,) = [client.groups.get("acme")]
    assert group.packages.list(get_all=True) == []


@pytest.fixture
def withdrawable(serving, debrepo, tmp_path, monkeypatch):
    """Two servers on one root, and an anonymous apt that reads the public group acme there.

    Its projects are acme/lib with the package hello, and acme/web with the package secret.
    """
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")
    debrepo("group", "create", "acme", "--visibility", "public")
    for number, package in ((1, "secret"), (2, "hello")):
        name = ("acme/web", "acme/lib")[number - 1]
        debrepo("project", "create", name, "--visibility", "public")
        debrepo("distribution", "create", name, "sid")
        deb = build_deb(tmp_path, package, "1.0")
        debrepo("distribution", "upload", name, deb, "--distribution", "sid")
    debrepo("distribution", "create", "group:acme", "sid")
    for name in ("acme/web", "acme/lib"):
        debrepo("distribution", "publish", name, "sid")
    urls = [serving("--require-token").url for _ in range(2)]
    source = f"Types: deb\nURIs: {urls[0]}/api/v4/groups/1/-/packages/debian\n"
    client = Apt(tmp_path / "client", f"{source}Suites: sid\nComponents: main\nTrusted: yes\n")
    return client, urls


def reads(client, urls, withdrawn):
    """Let apt and curl fetch the package; return whether it was withdrawn, and who got it."""
    late = withdrawn.is_set()
    client.update()  # which never fails, whatever is withdrawn
    got = set()
    if client.candidate("secret"):
        got.add("the index")
    client("bash", "-c", "apt-get download secret || true")
    deb = client.home / "downloads/secret_1.0_amd64.deb"
    if deb.exists():
        got.add("apt")
        deb.unlink()
    for url in urls:
        for base in (f"{url}/api/v4/groups/1/-", f"{url}/api/v4/projects/1"):
            path = f"{base}/packages/debian/pool/main/s/secret/secret_1.0_amd64.deb"
            said = run("curl", "--silent", "--output", "/dev/null", "-w", "%{http_code}", path)
            if said == "200":
                got.add(path)
    return late, got


@requires["curl"]
@requires["apt-get"]
def test_apt_in_a_loop_never_gets_what_was_withdrawn(withdrawable, debrepo):
    client, urls = withdrawable
    withdrawn, enough = Event(), Event()
    seen = [reads(client, urls, withdrawn)]
    assert len(seen[0][1]) == 6

    def reading():
        while not enough.is_set():
            seen.append(reads(client, urls, withdrawn))

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(reading)
        debrepo("project", "edit", "acme/web", "--visibility", "private")
        withdrawn.set()
        before = len(seen)
        while len(seen) < before + 3 and not reader.done():
            time.sleep(0.05)
        enough.set()
        reader.result()
    assert [got for late, got in seen if late and got] == []
    assert client.candidate("hello") == "1.0"


def test_servers_on_one_root_agree(withdrawable, debrepo, token, tmp_path):
    _, urls = withdrawable
    debrepo("group", "member", "acme", "ann", "maintainer")
    secret = token("ann", "--user", "ann")
    asked = [gitlab.Gitlab(url, private_token=secret).projects.get(1) for url in urls]

    def names():
        return [[one.name for one in each.packages.list(order_by="name")] for each in asked]

    assert names() == [["secret"]] * 2
    debs = [build_deb(tmp_path, f"p{number}", "1.0") for number in range(4)]
    query = "distribution=sid&component=main&wait=published"

    def put(number):
        base = f"{urls[number % 2]}{BASE}/packages/debian"
        url = f"{base}/{debs[number].name}?{query}"
        return run(
            "curl", "--silent", "--user", f"ann:{secret}", "--upload-file", debs[number], url
        )

    with ThreadPoolExecutor(len(debs)) as pool:
        assert set(pool.map(put, range(len(debs)))) == {'{"message": "201 Created"}'}
    assert names() == [["p0", "p1", "p2", "p3", "secret"]] * 2
    first = asked[0].packages.list(order_by="name")[0]
    asked[1].packages.delete(first.id)
    assert names() == [["p1", "p2", "p3", "secret"]] * 2
    for url in urls:
        index = run(
            "curl", "--silent", f"{url}{BASE}/packages/debian/dists/sid/main/binary-amd64/Packages"
        )
        assert "Package: p3\n" in index
