"""Every page is reached by links, fits a phone, and axe finds nothing serious on it."""

import os
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from debrepo.http import segments
from debrepo.testing.packages import build_deb
from debrepo_server.access import Access
from debrepo_server.app import build
from debrepo_web.routing import PageRoute

#: What this server has no reason to link: it trusts its callers, and no list of it is long.
UNLINKED = {
    "/web/login": "/web/login",
    "/web/packages/{name}/dependents": "/web/packages/hello/dependents",
}
HTML = {"Accept": "text/html"}
#: What is no page, or has no link: files, events, and forms that ask for something first.
NO_PAGES = re.compile(r"/static/|\.atom$|/events$|^/feeds/|^/sources/|^/keyrings/|/download")
_LINK = re.compile(r'<a [^>]*href="([^"#]+)')
_RUN = """async (rules) => {
  const found = await axe.run(document, rules ? { runOnly: rules } : {});
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core."""
    path = Path(os.environ.get("DEBREPO_TEST_AXE", ".")) / "node_modules/axe-core/axe.min.js"
    if not path.exists():
        pytest.skip("needs axe-core: npm install axe-core")
    return path.read_text()


@pytest.fixture
def filled(debrepo, debrepo_root, tmp_path, monkeypatch):
    """A root with something on every page."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    old, new = tmp_path / "old", tmp_path / "new"
    for directory, version in ((old, "1.0"), (new, "1.1")):
        directory.mkdir()
        for name in ("hello", "hello-doc"):
            fields = {"Description": "Says hello", "Depends": "hello-doc | hello"}
            build_deb(directory, name, version, fields=fields)
    debrepo("repo", "create", "tools", "--distribution", "stable", "--comment", "Our tools")
    debrepo("repo", "add", "tools", old)
    debrepo("publish", "repo", "tools", "--label", "Our tools")
    debrepo("snapshot", "create", "monday", "from", "repo", "tools")
    debrepo("repo", "add", "tools", new)
    debrepo("publish", "update", "stable")
    debrepo("token", "create", "ann", "--scope", "read")
    upstream = (debrepo_root / "public").as_uri()
    debrepo("mirror", "create", "upstream", upstream, "stable", "--ignore-signatures")
    debrepo("mirror", "update", "upstream")


@pytest.fixture
def pages(session):
    """The routes of pages that links have to lead to."""
    routes = build(session, Access(session, trusting=True)).routes
    found = [one for one in routes if isinstance(one, PageRoute) and "GET" in one.methods]
    return [one for one in found if not NO_PAGES.search(one.path)]


def route_of(pages, address):
    """Return the route of an address, if it is one of a page."""
    scope = {"type": "http", "method": "GET", "path": segments(urlsplit(address).path)}
    return next((one for one in pages if one.matches(scope)[0].name == "FULL"), None)


def walk(url, pages, ask):
    """Return an address of each route that links lead to from the landing page, by route."""
    waiting, seen, found = [f"{url}/"], set(), {}
    while waiting:
        address = waiting.pop(0)
        route = route_of(pages, address)
        if address in seen or route is None or len(found.get(route.path, ())) > 2:
            continue
        seen.add(address)
        answer = ask(address)
        assert answer.status == 200, address
        found.setdefault(route.path, []).append(address)
        for link in _LINK.findall(answer.text()):
            target = urljoin(address, link.replace("&amp;", "&"))
            if target.startswith(url):
                waiting.append(target)
    return found


def test_every_page_is_linked_accessible_and_fits_a_phone(
    axe, filled, pages, serving, visit, session
):
    url = serving().url
    window = visit(f"{url}/")
    ask = window.context.request
    window.goto(f"{url}/web/publications/-/stable/update")
    window.get_by_role("button", name="Publish", exact=True).click()  # a task
    window.wait_for_url(f"{url}/web/publications/-/stable")
    found = walk(url, pages, lambda address: ask.get(address, headers=HTML))
    found |= {route: [f"{url}{address}"] for route, address in UNLINKED.items()}
    assert {one.path for one in pages} - found.keys() == set()
    said = []
    for addresses in found.values():
        window.set_viewport_size({"width": 1280, "height": 800})
        window.emulate_media(color_scheme="light", reduced_motion="reduce")
        window.goto(addresses[0])
        path = addresses[0].removeprefix(url)
        window.evaluate(axe)
        said += [f"{path}: {one}" for one in window.evaluate(_RUN, None)]
        window.emulate_media(color_scheme="dark", reduced_motion="reduce")
        dark = window.evaluate(_RUN, ["color-contrast"])
        said += [f"{path}, dark: {one}" for one in dark]
        window.set_viewport_size({"width": 360, "height": 640})
        width = window.evaluate("document.documentElement.scrollWidth")
        said += [f"{path} is {width} pixels wide on a phone"] if width > 360 else []
    assert "\n".join(said) == ""
