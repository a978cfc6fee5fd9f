"""``debrepo graph``, from the outside."""

import shutil

import pytest

from debrepo.testing.packages import build_deb

needs_dot = pytest.mark.skipif(not shutil.which("dot"), reason="needs graphviz")


def test_the_graph_of_nothing_is_empty(debrepo):
    assert debrepo("graph").stdout == ""


def test_without_options_it_is_a_tree_of_text(drawn):
    lines = drawn("graph").stdout.splitlines()
    assert lines[0].startswith("repo tools ")
    assert "1 package" in lines[0]
    assert "for builders" in lines[0]
    assert len(lines) == 4


def test_names_choose_what_is_drawn(drawn):
    drawn("repo", "create", "other")
    assert "other" in drawn("graph").stdout
    assert "other" not in drawn("graph", "snapshot:first").stdout


def test_an_unknown_name_is_an_error(drawn):
    result = drawn("graph", "repo:none", exit_code=3)
    assert "Error: unknown node: repo:none\nHint: is repo:tools meant? If not, use KIND:NAME" in (
        result.output
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [("g.txt", b"repo tools"), ("g.gv", b"digraph"), ("g.mmd", b"flowchart"), ("g.json", b"{")],
)
def test_the_name_of_the_output_decides_what_is_drawn(drawn, tmp_path, name, start):
    drawn("graph", "--output", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


@needs_dot
def test_svg_holds_the_names(drawn, tmp_path):
    drawn("graph", "--format", "png", "--output", tmp_path / "g.svg")
    written = (tmp_path / "g.svg").read_text()
    assert 'id="repo:tools"' in written
    assert 'xlink:href="#snapshot:first"' in written


def test_a_name_that_says_nothing_is_refused_without_a_format(drawn, tmp_path):
    result = drawn("graph", "--output", tmp_path / "g.doc", exit_code=2)
    assert "cannot tell the format from the name" in result.output
    drawn("graph", "--output", tmp_path / "g.doc", "--format", "dot")
    assert (tmp_path / "g.doc").read_text().startswith("digraph")


def test_a_file_that_cannot_be_written_is_an_error(drawn, tmp_path):
    result = drawn("graph", "--output", tmp_path / "none" / "g.dot", exit_code=2)
    assert "Error: cannot write" in result.output


def test_layouts_are_those_of_the_words(drawn):
    assert "rankdir=TB" in drawn("graph", "--format", "dot", "--layout", "horizontal").stdout
    assert "rankdir=LR" in drawn("graph", "--format", "dot", "--layout", "vertical").stdout


def test_without_graphviz_a_picture_is_an_error_with_a_way_out(drawn, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    result = drawn("graph", "--format", "svg", exit_code=9)
    assert "Error: svg needs Graphviz" in result.output
    assert "Hint: install graphviz" in result.output


@pytest.mark.parametrize("members", [3, 4])
def test_four_with_the_same_neighbours_share_a_frame(debrepo, members):
    for number in range(members):
        debrepo("repo", "create", f"r{number}")
    assert debrepo("graph", "--format", "dot").stdout.count(", label=") == (
        members if members < 4 else 1
    )
    assert debrepo("graph", "--format", "dot", "--gather", 0).stdout.count(", label=") == members


@pytest.mark.parametrize(
    "link", ["#{kind}:{name}", "/ui/{name}", "https://x.org/{name}", "{name}", "a/b:c"]
)
def test_clicks_lead_to_pages(debrepo, link):
    debrepo("repo", "create", "a")
    target = link.replace("{kind}", "repo").replace("{name}", "a")
    assert f'URL="{target}"' in debrepo("graph", "--format", "dot", "--link", link).stdout


@pytest.mark.parametrize("link", ["javascript:alert(1)", "JavaScript:x/", "data:text/html,x"])
def test_clicks_lead_to_nothing_else(debrepo, link):
    result = debrepo("graph", "--format", "dot", "--link", link, exit_code=2)
    assert "not a link" in result.output


def test_a_long_name_does_not_fill_the_screen(debrepo, tmp_path):
    assert len(debrepo("graph", "repo:" + "x" * 10_000, exit_code=3).output) < 250
    assert len(debrepo("graph", "--output", "x" * 10_000 + ".dot", exit_code=2).output) < 250


def test_epoch_beyond_all_dates_is_refused(debrepo, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "9" * 12)
    assert "has to be a number of seconds" in debrepo("graph", exit_code=2).output


def test_publication_says_by_which_key_it_is_signed_and_for_how_long(debrepo, tmp_path):
    made = debrepo("key", "create", "--name", "Archive", "--expire", "10d").stdout.split()[2]
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    debrepo("publish", "repo", "tools", "--distribution", "d", "--valid-for", "14d")
    said = debrepo("graph").stdout.splitlines()[-1]
    assert f"; signed by {made[:-1][-16:]} until " in said
    assert "valid for " in said
    assert f"; ! key {made[:-1][-16:]} expires in " in said
