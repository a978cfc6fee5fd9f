"""The page of the graph: a picture to click on."""

import re
import shutil

import pytest

from debrepo_web import pictures

needs_graphviz = pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")

SVG = b"""<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"
 "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg width="8pt" viewBox="0 0 8 8" onload="alert(1)" xmlns="http://www.w3.org/2000/svg"
 xmlns:xlink="http://www.w3.org/1999/xlink">
<script>alert(1)</script><foreignObject><b>x</b></foreignObject>
<g id="a"><title>n0</title><a xlink:href="#repo:a%20b" xlink:title="a &amp; b" target="_top">
<text style="x" x="1">a &lt;b&gt;</text></a></g>
<a xlink:href="javascript:alert(1)"><text>c</text></a></svg>
"""


def test_picture_has_nothing_but_shapes_text_and_our_links():
    drawn = str(pictures.inline(SVG, 'the "graph"', {"repo:a b": "/web/repos/a%20b"}))
    assert drawn == (
        '<svg width="8pt" viewBox="0 0 8 8" role="group" aria-label="the &#34;graph&#34;">'
        '<g><a href="/web/repos/a%20b"><title>a &amp; b</title>'
        '<text x="1">a &lt;b&gt;</text></a></g>'
        "<g><title></title><text>c</text></g></svg>"
    )


@pytest.fixture
def made(session, stock):
    stock("a <b> & c", [1, 2])
    session.call("snapshot.create", name="now", kind="repo", source="a <b> & c")


@needs_graphviz
def test_graph_leads_to_the_pages_of_what_is_in_it(read, made):
    text = read("/web/graph")
    assert 'href="/web/repos/a%20%3Cb%3E%20%26%20c"' in text
    assert 'href="/web/snapshots/now"' in text
    assert "a &lt;b&gt; &amp; c" in text
    assert "<b> &" not in text
    assert "style=" not in text


@needs_graphviz
def test_graph_around_something_leaves_the_rest_out(read, session, made, stock):
    stock("alone", [3])
    assert "alone" in re.sub(r"<title>.*?</title>", "", read("/web/graph"))
    text = read("/web/graph", around="snapshot:now")
    assert ">alone<" not in text
    assert "debrepo graph snapshot:now" in text
    read("/web/graph", 404, around="snapshot:never")


def test_graph_is_there_as_text(read, made):
    text = read("/web/graph", text="true")
    assert "<pre" in text
    assert "now" in text
    assert "nothing to draw" not in text


def test_without_graphviz_the_graph_is_text(read, made, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    text = read("/web/graph")
    assert "svg needs Graphviz" in text
    assert "<pre" in text
