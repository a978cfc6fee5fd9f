"""Packages are searched and shown wherever they are."""

import json

import pytest

from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def stocked(debrepo, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    build_deb(files, "web", "1.9", fields={"Depends": "lib", "Section": "httpd"})
    build_deb(files, "web", "1.10", fields={"Depends": "lib, v", "Section": "httpd"})
    build_deb(files, "lib", "1", "all", fields={"Provides": "v"})
    build_source(files, "web", "1.10")
    debrepo("repo", "create", "main")
    debrepo("repo", "add", "main", files)


def test_search_goes_through_all_packages(debrepo, stocked):
    assert debrepo("package", "search").stdout.split() == [
        "lib_1_all",
        "web_1.10_amd64",
        "web_1.10_source",
        "web_1.9_amd64",
    ]
    assert (
        debrepo("package", "search", "Section (= httpd)", "--latest").stdout == "web_1.10_amd64\n"
    )


def test_search_finds_packages_that_are_on_no_list(debrepo, stocked):
    debrepo("repo", "drop", "main")
    assert debrepo("package", "search", "lib").stdout == "lib_1_all\n"


def test_search_takes_dependencies_along(debrepo, stocked):
    result = debrepo("package", "search", "web (= 1.10) {amd64}", "--with-deps", "--why")
    assert result.stdout == "lib_1_all  (web_1.10_amd64 Depends: lib)\nweb_1.10_amd64\n"


def test_search_reads_its_query_from_standard_input(debrepo_root, debrepo, stocked):
    from click.testing import CliRunner

    from debrepo.cli import build_cli
    from debrepo.plugins import load_plugins

    words = ["--root", str(debrepo_root), "package", "search", "@-"]
    result = CliRunner().invoke(build_cli(load_plugins()), words, input="lib\n")
    assert result.output == "lib_1_all\n"


def test_show_prints_the_control_file_and_where_the_package_is(debrepo, stocked):
    result = debrepo("package", "show", "lib", "--with-files", "--with-references")
    assert "Package: lib\nVersion: 1\n" in result.stdout
    assert "\n  file: lib_1_all.deb  /" in result.stdout
    assert "\n  in repo:main\n" in result.stdout


def test_show_prints_the_newest_first(debrepo, stocked):
    result = debrepo("package", "show", "web", "--format", "{{.Version}} {{.Architecture}}")
    assert result.stdout == "1.10 amd64\n1.10 any\n1.9 amd64\n"


def test_show_in_json_has_fields_files_and_references(debrepo, stocked):
    debrepo("snapshot", "create", "now", "from", "repo", "main")
    (shown,) = json.loads(debrepo("package", "show", "lib", "--with-references", "--json").stdout)
    assert shown["fields"]["Provides"] == "v"
    assert shown["references"] == ["repo:main", "snapshot:now"]


def test_references_name_the_publications_that_serve_a_package(debrepo, stocked, tmp_path):
    publish = ("publish", "repo", "main", "--distribution", "stable", "--skip-signing")
    debrepo(*publish)
    debrepo("repo", "remove", "main", "lib")
    debrepo("repo", "add", "main", build_deb(tmp_path, "later"))
    served = debrepo("package", "show", "lib", "--with-references").stdout
    assert [line for line in served.splitlines() if line.startswith("  in ")] == [
        "  in publication:./stable"
    ]
    assert "  in publication" not in debrepo("package", "show", "later", "--with-references").stdout


def test_what_is_not_there_is_an_error(debrepo, stocked):
    assert debrepo("package", "show", "nothing", exit_code=3).stderr == (
        "Error: no package matches nothing\n"
    )
    debrepo("package", "search", "nothing", exit_code=3)
