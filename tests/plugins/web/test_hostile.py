"""Hostile names and descriptions: what packages and people say is shown, and never executed."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from plugins.web.page_forms import HTML

from debrepo.testing.packages import build_deb

#: Markup, script, quotes and template syntax; names can have neither slash nor colon.
NAME = "<img src=x onerror=alert(1)>'\"{{71*73}}&lt;"
TEXT = f"{NAME}</pre></td></textarea></script><script>alert(2)</script><svg/onload=alert(3)>"
_MOST = 150  # pages
#: Elements and attributes that run something, or that none of our pages has.
RUNS = "[onerror], [onload], [style], script:not([src]), img[src=x], iframe, base"


class Seen(HTMLParser):
    """The links of a page, and what on it could run."""

    def __init__(self, text):
        super().__init__()
        self.links, self.running = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if any(name.startswith("on") or name == "style" for name in values):
            self.running.append((tag, attrs))
        if (tag == "script" and "src" not in values) or tag in {"iframe", "base", "object"}:
            self.running.append((tag, attrs))
        if (tag == "img" and not values.get("src", "").startswith("/web/static/")) or (
            values.get("href") or ""
        ).lower().startswith(("javascript:", "data:")):
            self.running.append((tag, attrs))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")


@pytest.fixture
def hostile(session, tmp_path):
    """A root in which every text that somebody can choose is hostile."""
    fields = {
        "Description": f"{TEXT}\n {TEXT}\n .\n {{% raw %}}{TEXT}",
        "Maintainer": f"{TEXT} <a@b>",
        "Section": 'web"onload=alert(4)',
        "Homepage": "javascript:alert(5)",
        "Depends": "world, other | third",
        "X-Note": TEXT,
    }
    paths = {"usr/share/<script>alert(7)<": b"x", "usr/share/doc/hello/changelog": TEXT.encode()}
    deb = build_deb(tmp_path, fields=fields, paths=paths)
    call = session.call
    call("repo.create", name=NAME, comment=TEXT, distribution="d")
    call("repo.create", name="b", comment=TEXT)
    for name in (NAME, "b"):
        list(call("repo.add", name=name, paths=[deb]))
    for name in (NAME, "two"):
        call("snapshot.create", name=name, kind="repo", source=NAME, description=TEXT)
    options = {"origin": TEXT, "label": TEXT, "description": TEXT}
    call("publish.create", kind="repo", names=[NAME], distribution="d", options=options)
    call(
        "publish.create",
        kind="snapshot",
        names=["two"],
        place="o'x&y",
        distribution="e",
        options=options,
    )
    call("token.create", name=NAME, scopes=["read"])
    session.acting(actor=NAME).call("repo.edit", name=NAME, component="main")


def pages(api):
    """Return the addresses and texts of all pages that links lead to."""
    found, waiting = {}, ["/", "/web"]
    while waiting and len(found) < _MOST:
        address = waiting.pop(0)
        answer = api.get(address, headers=HTML)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        found[address] = answer
        for link in Seen(answer.text).links:
            target = urljoin(str(answer.url), link).partition("#")[0]
            parts = urlsplit(target)
            if parts.netloc != "127.0.0.1:8080" or not (parts.path + "/").startswith("/web/"):
                continue
            local = target.removeprefix("http://127.0.0.1:8080")
            if local not in found and local not in waiting:
                waiting.append(local)
    return found


def kind_of(address):
    """Return the shape of an address: pages of one shape come from one template."""
    parts = urlsplit(address).path.strip("/").split("/")
    return (*parts[:2], len(parts), parts[-1] if len(parts) > 4 else "", address.partition("?")[2])


def test_nothing_that_somebody_wrote_becomes_an_element(api, hostile):
    found = pages(api)
    assert len(found) > 15
    for address, answer in found.items():
        known = not address.startswith("/web/packages/")  # some are only depended on
        assert answer.status_code == 200 or not known, address
        assert Seen(answer.text).running == [], address
        assert "default-src 'none'" in answer.headers["content-security-policy"], address
        assert "5183" not in answer.text, address  # what a template would make of it
    shown = "".join(answer.text for answer in found.values())
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown


def test_nothing_that_somebody_wrote_runs_in_a_browser(api, hostile, serving, visit):
    addresses = {kind_of(address): address for address in pages(api)}
    url = serving().url
    window = visit(f"{url}/web")
    asked = []
    window.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    for address in addresses.values():
        window.goto(f"{url}{address}")
        assert window.locator(RUNS).count() == 0, address
    assert asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/web/repos/{}",
        "/web/tasks/{}",
        "/web/tokens/{}",
        "/web/audit?actor={}&what={}&operation={}",
        "/web/audit?before={}",
        "/web/login?next={}",
        "/web/publications/{}/{}/update",
        "/web/publications/create?source={}",
        "/web/tasks?before={}",
    ],
)
def test_what_an_address_says_becomes_no_element(api, path):
    word = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22%27"
    answer = api.get(path.format(word, word, word), headers=HTML)
    assert answer.status_code < 500
    assert Seen(answer.text).running == []
