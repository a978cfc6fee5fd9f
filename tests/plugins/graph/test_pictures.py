"""Pictures: DOT, Mermaid, text, and what Graphviz makes of them."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debrepo.errors import PluginError
from debrepo_graph import dot, graphviz, mermaid, text, words
from debrepo_graph.graph import Graph, Vertex, gather
from debrepo_graph.words import Drawing

needs_dot = pytest.mark.skipif(not shutil.which("dot"), reason="needs graphviz")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STYLE = Drawing(downwards=False, now=NOW, link="#{kind}:{name}")
NASTY = '</td><b onload="x">&amp;"\\N]-->;\n#quot;`'
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"


def graph(*names, edges=(), **fields):
    return Graph({name: Vertex(name, **fields) for name in names}, tuple(edges))


def svg(cards, style=STYLE):
    return ET.fromstring(graphviz.draw(dot.render(cards, style), "svg"))


def texts(root):
    return "".join("".join(element.itertext()) for element in root.iter(f"{SVG}text"))


@needs_dot
def test_a_nasty_name_is_nothing_but_text_in_svg():
    root = svg(gather(graph(f"repo:{NASTY}", remarks=(NASTY,)), at_least=0))
    assert '</td><b onload="x">&amp;' in texts(root)
    assert {element.tag for element in root.iter()}.isdisjoint({f"{SVG}b", "b", f"{SVG}script"})


@needs_dot
def test_nasty_names_that_share_a_frame_are_nothing_but_text_in_svg():
    names = [f"repo:{number}{NASTY}" for number in range(5)]
    root = svg(gather(graph(*names), at_least=2))
    assert texts(root).count('</td><b onload="x">&amp;') == 5


@needs_dot
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=60))
def test_graphviz_reads_whatever_the_names_are(one, two):
    found = graph(f"repo:{one}", "a:1", "a:2", remarks=(two,), edges=[(f"repo:{one}", "a:1")])
    assert svg(gather(found, at_least=0)).tag == f"{SVG}svg"


@needs_dot
def test_frames_can_be_clicked_and_found_by_id():
    root = svg(gather(graph("snapshot:a b", "publication:x/y"), at_least=0))
    links = {element.get(XLINK) for element in root.iter(f"{SVG}a")}
    assert links == {"#snapshot:a%20b", "#publication:x%2Fy"}
    assert {"snapshot:a b", "publication:x/y"} <= {element.get("id") for element in root.iter()}


@needs_dot
def test_rows_of_a_shared_frame_can_be_clicked_each():
    root = svg(gather(graph(*(f"repo:{n}" for n in range(6))), at_least=2))
    links = {element.get(XLINK) for element in root.iter(f"{SVG}a")}
    assert links == {f"#repo:{n}" for n in range(6)}


def test_a_link_leads_where_it_is_told():
    vertex = Vertex("snapshot:a/b")
    assert words.address(vertex, "/ui/{kind}/{name}?x") == "/ui/snapshot/a%2Fb?x"


@pytest.mark.parametrize("form", ["svg", "png", "jpg", "pdf"])
@needs_dot
def test_graphviz_makes_pictures(form):
    content = graphviz.draw(dot.render(gather(graph("repo:a"), at_least=0), STYLE), form)
    assert re.match(rb"<\?xml|\x89PNG|\xff\xd8\xff|%PDF", content)


def test_without_graphviz_the_error_says_what_to_do():
    with pytest.raises(PluginError, match="png needs Graphviz") as caught:
        graphviz.draw("digraph {}", "png", program="no-such-dot")
    assert "install graphviz" in caught.value.hint


@needs_dot
def test_what_graphviz_says_of_a_broken_picture_is_passed_on():
    with pytest.raises(PluginError, match=r"Graphviz could not draw: .*syntax error"):
        graphviz.draw("digraph {", "svg")


def test_the_layout_is_a_direction():
    cards = gather(graph("repo:a"), at_least=0)
    assert "rankdir=LR" in dot.render(cards, STYLE)
    assert "rankdir=TB" in dot.render(cards, STYLE._replace(downwards=True))
    assert mermaid.render(cards, STYLE._replace(downwards=True)).startswith("flowchart TD\n")


@needs_dot
@pytest.mark.parametrize("downwards", [True, False])
def test_unconnected_parts_stand_in_order(downwards):
    names = [f"repo:{number:02}" for number in range(9)]
    made = [(name, name.replace("repo", "snapshot")) for name in names]
    cards = gather(graph(*names, *(b for _, b in made), edges=made), at_least=0)
    plain = graphviz.draw(dot.render(cards, STYLE._replace(downwards=downwards)), "plain")
    placed = [line.split() for line in plain.decode().splitlines() if line.startswith("node n")]
    at = {number: (float(x), float(y)) for _, number, x, y, *_ in placed}
    ours = [at[f"n{position}"] for position in range(9)]
    reading = [(-y, x) for x, y in ours]
    assert reading == sorted(reading)


@needs_dot
@pytest.mark.parametrize("downwards", [True, False])
@pytest.mark.parametrize("parts", [3, 7, 12])
def test_parts_of_different_sizes_are_aligned_and_do_not_overlap(downwards, parts):
    made = [(f"repo:{n}", f"snapshot:{n}-{k}") for n in range(parts) for k in range(n)]
    names = [*(f"repo:{n}" for n in range(parts)), *(b for _, b in made)]
    cards = gather(graph(*names, edges=made, packages=5, remarks=("a remark",)), at_least=0)
    plain = graphviz.draw(dot.render(cards, STYLE._replace(downwards=downwards)), "plain")
    nodes = [line.split()[2:6] for line in plain.decode().splitlines() if line[:5] == "node "]
    frames = [tuple(map(float, node)) for node in nodes]
    for number, (x, y, width, height) in enumerate(frames):
        for a, b, wide, high in frames[:number]:
            apart = (abs(x - a) - (width + wide) / 2, abs(y - b) - (height + high) / 2)
            assert max(apart) > 0


@needs_dot
def test_legend_names_the_kinds_that_there_are_and_the_date():
    said = texts(svg(gather(graph("repo:a", "mirror:b"), at_least=0)))
    assert "2026-11-22 12:00 UTC" in said
    assert "publication" not in said
    assert "needs attention" not in said
    found = Graph({"repo:a": Vertex("repo:a", known=False)}, ())
    assert "dropped" in texts(svg(gather(found, at_least=0)))


@pytest.mark.parametrize(
    ("until", "said", "concerning"),
    [
        ("", "", False),
        ("2026-12-22T12:00:00+00:00", "valid for 4 weeks", False),
        ("2026-11-23T12:00:00+00:00", "valid for 24 hours", True),
        ("2026-11-22T12:00:30+00:00", "valid for less than a minute", True),
        ("2026-11-19T12:00:00+00:00", "expired 3 days ago", True),
    ],
)
def test_publication_says_how_long_clients_accept_it(until, said, concerning):
    vertex = Vertex("publication:a", since="2026-11-12T12:00:00+00:00", until=until)
    assert words.concerns(vertex, NOW) == ([said] if concerning else [])
    calm = [said] if said and not concerning else []
    assert words.lines(vertex, NOW) == ["empty", "10 days ago", *calm]


@needs_dot
@pytest.mark.parametrize("at_least", [0, 2])
def test_what_needs_attention_stands_out_in_every_picture(at_least):
    found = graph("publication:a", "publication:b", concerns=("behind repo r",))
    cards = gather(found, at_least=at_least)
    root = svg(cards)
    assert "behind repo r" in texts(root)
    alarming = [e for e in root.iter(f"{SVG}text") if e.get("fill") == "#c53030"]
    assert "needs attention" in "".join("".join(e.itertext()) for e in alarming)
    assert "! behind repo r" in text.render(found, STYLE)


def test_keys_that_run_out_need_attention():
    key, soon = "A" * 24 + "B" * 16, datetime(2026, 12, 1, tzinfo=UTC)
    assert words.signed(key, None) == f"signed by {'B' * 16}"
    assert words.signed(key, soon) == f"signed by {'B' * 16} until 2026-12-01"
    assert words.key_runs_out(key, None, NOW) == ""
    assert words.key_runs_out(key, datetime(2028, 1, 1, tzinfo=UTC), NOW) == ""
    assert words.key_runs_out(key, soon, NOW) == f"key {'B' * 16} expires in 8 days"
    assert words.key_runs_out(key, datetime(2025, 1, 1, tzinfo=UTC), NOW).endswith("has expired")


def test_mermaid_spells_out_what_could_be_a_sign():
    cards = gather(graph(f"repo:{NASTY}"), at_least=0)
    _, _, node, click = mermaid.render(cards, STYLE).splitlines()
    assert re.fullmatch(r'  n0\["[^"<>&`\\;]*(?:(?:<br/>|#\d+;)[^"<>&`\\;]*)*"\]:::k0', node)
    assert re.fullmatch(r'  click n0 href "#repo:[\w%.-]+"', click)


def test_mermaid_draws_frames_and_arrows():
    found = graph("repo:a", "snapshot:b", packages=2, bytes=2048, edges=[("repo:a", "snapshot:b")])
    lines = mermaid.render(gather(found, at_least=0), STYLE).splitlines()
    assert '  n1["snapshot<br/>b<br/>2 packages, 2.0 KiB"]:::k1' in lines
    assert lines[-1] == "  n0 --> n1"


def test_text_is_a_tree():
    edges = [("repo:a", "snapshot:b"), ("repo:a", "snapshot:c"), ("snapshot:b", "publication:d")]
    found = graph("publication:d", "repo:a", "snapshot:b", "snapshot:c", edges=edges)
    assert text.render(found, STYLE).splitlines() == [
        "repo a               empty",
        "├─ snapshot b        empty",
        "│  └─ publication d  empty",
        "└─ snapshot c        empty",
    ]


def test_text_spells_out_what_has_two_parents_once():
    edges = [("repo:a", "snapshot:m"), ("repo:b", "snapshot:m"), ("snapshot:m", "snapshot:n")]
    found = graph("repo:a", "repo:b", "snapshot:m", "snapshot:n", edges=edges)
    lines = text.render(found, STYLE).splitlines()
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "empty", "empty", "empty", "empty", "see above",
    ]  # fmt: skip


def test_text_ends_where_links_go_in_a_circle():
    found = graph("a:1", "a:2", edges=[("a:1", "a:2"), ("a:2", "a:1")])
    assert len(text.render(found, STYLE).splitlines()) == 3


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-11-22T11:59:30+00:00", "just now"),
        ("2026-11-22T11:58:59+00:00", "1 minute ago"),
        ("2026-11-22T09:00:00+00:00", "3 hours ago"),
        ("2026-11-21T11:00:00+00:00", "25 hours ago"),
        ("2026-11-19T11:00:00", "3 days ago"),
        ("2026-10-22T11:00:00+00:00", "4 weeks ago"),
        ("2026-05-22T11:00:00+00:00", "6 months ago"),
        ("2020-05-22T11:00:00+00:00", "6 years ago"),
        ("2030-05-22T11:00:00+00:00", "just now"),
        ("", ""),
    ],
)
def test_ages_are_said_as_people_say_them(since, said):
    assert words.ago(since, NOW) == said


def test_a_long_name_loses_its_middle():
    assert words.short("a" * 200 + "end").endswith("end")
    assert len(words.short("a" * 200)) < 60


def test_the_same_graph_gives_the_same_picture(drawn, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    for form in ("text", "dot", "mermaid", "json"):
        first, second = (drawn("graph", "--format", form).stdout for _ in range(2))
        assert first == second
    assert {node["kind"] for node in json.loads(first)["nodes"]} == {
        "publication", "repo", "snapshot",
    }  # fmt: skip


@needs_dot
def test_svg_shows_all_that_is_drawn(debrepo):
    """The window of the picture is as large as its ground, in the units of what is drawn."""
    debrepo("repo", "create", "tools")
    svg = debrepo("graph", "--format", "svg").stdout
    _, _, width, height = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())
    scale = float(re.search(r"scale\(([\d.]+)", svg)[1])
    points = re.search(r'<polygon fill="white"[^>]*points="([^"]+)"', svg)[1].split()
    across, down = zip(*(map(float, point.split(",")) for point in points), strict=True)
    assert (max(across) - min(across)) * scale == pytest.approx(width, abs=1)
    assert (max(down) - min(down)) * scale == pytest.approx(height, abs=1)
