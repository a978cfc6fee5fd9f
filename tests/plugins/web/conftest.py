"""A server in a browser: Debian's Chromium, driven by Playwright."""

import shutil

import pytest

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
