"""A server in a browser: Debian's Chromium, driven by Playwright."""

import shutil

import pytest

from debrepo import catalog, packageset
from debrepo.catalog import CHUNKS, Known
from debrepo.package import Package, PackageFile, PackageKey, encode
from debrepo_local import repos
from debrepo_local.repos import LocalRepo

_CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a module; it runs an event loop in this thread."""
    if not _CHROMIUM:
        pytest.skip("needs chromium-headless-shell")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open windows of a browser; what a page logs as an error fails the test at its end.

    ``visit(url)`` is a window without cookies of others, and ``said`` on it what it logged.
    """
    contexts, said = [], []

    def open_(url, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        window = context.new_page()
        window.set_default_timeout(20_000)
        window.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
        window.on("pageerror", lambda error: said.append(str(error)))
        window.goto(url)
        return window

    yield open_
    for context in contexts:
        context.close()
    assert [line for line in said if "the server responded with a status of 4" not in line] == []


@pytest.fixture
def read(api):
    """Return what a page says to its reader: ``read("/web/repos", query="hello")``."""

    def get(path, status=200, **query):
        answer = api.get(path, params=query, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text

    return get


@pytest.fixture
def stock(session):
    """Make a repository of packages without their files: ``stock("many", range(3000))``."""

    def put(name, numbers, **more):
        known = [_made_up(number, **more) for number in numbers]
        with session.db.write() as txn:
            catalog.add(txn, known)
            set_id = packageset.build(txn[CHUNKS], [one.entry for one in known])
            repos.put(txn, LocalRepo(name, set_id=set_id))

    return put


def _made_up(number, version="1.0-1", **fields):
    """Return a package as the catalog knows it."""
    name = f"pkg{number:05}"
    key = PackageKey(name, "amd64", version, f"{number:016x}")
    stanza = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Section": "web" if number % 10 == 0 else "misc",
        "Depends": f"libc6 (>= 2.36), pkg{number // 2:05}",
        "Description": f"package number {number}\n It does nothing, as often as one likes.",
        **fields,
    }
    text = "\n".join(f"{field}: {value}" for field, value in stanza.items())
    digest = f"{number:064x}"
    file = PackageFile(f"{name}_{version}_amd64.deb", 1000 + number, sha256=digest)
    package = Package(key, "deb", text.encode(), (file,))
    return Known(key.entry, encode(package), b"")
