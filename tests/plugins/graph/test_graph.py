"""The graph: what is collected, and which frames it makes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debrepo.errors import NotFound
from debrepo.package import Package, PackageFile, PackageKey, encode, size
from debrepo_graph.graph import Graph, Vertex, around, collect, gather, order


def graph(*edges, alone=()):
    names = sorted({name for edge in edges for name in edge} | set(alone), key=order)
    return Graph({name: Vertex(name) for name in names}, tuple(sorted(edges)))


def frames(cards):
    return [[vertex.name for vertex in card.members] for card in cards.cards]


def test_everything_that_plugins_report_is_in_it(drawn, session):
    with session.db.read() as txn:
        found = collect(session.hook, txn)
    assert list(found.vertices) == [
        "publication:./stable",
        "repo:tools",
        "snapshot:first",
        "snapshot:second",
    ]
    assert found.edges == (
        ("repo:tools", "snapshot:first"),
        ("snapshot:first", "publication:./stable"),
        ("snapshot:first", "snapshot:second"),
    )


def test_it_counts_and_weighs_what_lists_hold(drawn, session, tmp_path):
    with session.db.read() as txn:
        found = collect(session.hook, txn).vertices
    weight = (tmp_path / "hello_1.0_amd64.deb").stat().st_size
    assert {(vertex.packages, vertex.bytes) for vertex in found.values()} == {(1, weight)}


def test_it_says_what_publications_serve_and_what_repositories_are_for(drawn, session):
    with session.db.read() as txn:
        found = collect(session.hook, txn).vertices
    assert found["repo:tools"].remarks == ("for builders",)
    assert found["publication:./stable"].remarks == ("main for amd64", "not signed")
    assert found["publication:./stable"].since
    assert found["snapshot:first"].remarks == ()


def test_a_publication_says_that_its_list_has_changed_since(drawn, session):
    drawn("publish", "repo", "tools", "direct", "--skip-signing")
    drawn("repo", "remove", "tools", "hello")
    with session.db.read() as txn:
        found = collect(session.hook, txn).vertices
    assert found["publication:direct/stable"].concerns == ("behind repo tools",)
    assert found["publication:./stable"].remarks == ("main for amd64", "not signed")


def test_what_was_dropped_by_force_is_still_mentioned(drawn, session):
    drawn("repo", "drop", "tools", "--force")
    with session.db.read() as txn:
        found = collect(session.hook, txn)
    assert not found.vertices["repo:tools"].known
    assert ("repo:tools", "snapshot:first") in found.edges


def test_a_source_package_weighs_what_all_its_files_do():
    files = (PackageFile("a", 10, sha256="b" * 64), PackageFile("c", 32, sha256="d" * 64))
    package = Package(PackageKey("a", "source", "1", "e"), "source", b"Source: a", files)
    assert size(encode(package)) == 42


def test_numbers_in_names_sort_as_numbers():
    assert sorted(["week-10", "week-9", "week-9-b", "2", "a"], key=order) == [
        "2", "a", "week-9", "week-9-b", "week-10",
    ]  # fmt: skip


def test_a_part_holds_ancestors_and_descendants_and_no_siblings():
    whole = graph(("a:1", "b:1"), ("a:1", "b:2"), ("b:1", "c:1"), ("x:1", "c:1"))
    part = around(whole, ["b:1"])
    assert list(part.vertices) == ["a:1", "b:1", "c:1"]
    assert part.edges == (("a:1", "b:1"), ("b:1", "c:1"))


def test_a_part_around_an_unknown_name_is_refused():
    with pytest.raises(NotFound, match="unknown node: repo:none"):
        around(graph(("a:1", "b:1")), ["repo:none"])


def test_vertices_with_the_same_neighbours_share_a_frame():
    cards = gather(graph(*(("a:1", f"b:{n}") for n in range(3)), ("b:0", "c:1")), at_least=2)
    assert frames(cards) == [["a:1"], ["b:0"], ["b:1", "b:2"], ["c:1"]]
    assert cards.edges == ((0, 1), (0, 2), (1, 3))


def test_vertices_of_different_kinds_have_frames_of_their_own():
    assert frames(gather(graph(alone=["a:1", "a:2", "b:1"]), at_least=2)) == [
        ["a:1", "a:2"],
        ["b:1"],
    ]


def test_few_vertices_have_frames_of_their_own():
    assert frames(gather(graph(("a:1", "b:1"), ("a:1", "b:2")), at_least=3)) == [
        ["a:1"],
        ["b:1"],
        ["b:2"],
    ]


names = st.builds("{}:{}".format, st.sampled_from("abc"), st.integers(0, 9))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.tuples(names, names), max_size=25), st.integers(0, 4))
def test_frames_hold_each_vertex_once_and_every_edge(edges, at_least):
    whole = graph(*edges)
    cards = gather(whole, at_least=at_least)
    members = [name for frame in frames(cards) for name in frame]
    assert sorted(members) == sorted(whole.vertices)
    drawn = {
        (a.name, b.name)
        for source, target in cards.edges
        for a in cards.cards[source].members
        for b in cards.cards[target].members
    }
    assert drawn == set(whole.edges)
