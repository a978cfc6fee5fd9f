"""Fields of Release files that the configuration adds."""

import pytest

from debrepo.errors import InvalidInput
from debrepo_publish.indexes.release import further_fields


def test_configured_fields_are_in_the_release_file(debrepo, debrepo_root):
    debrepo_root.mkdir()
    text = 'publish.release_fields = ["Changelogs: https://example.org/@CHANGEPATH@", "X: y"]\n'
    (debrepo_root / "debrepo.toml").write_text(text)
    debrepo("repo", "create", "web")
    words = ("--distribution", "stable", "--architectures", "amd64", "--skip-signing")
    debrepo("publish", "repo", "web", *words)
    release = (debrepo_root / "public/dists/stable/Release").read_text()
    assert "\nChangelogs: https://example.org/@CHANGEPATH@\nX: y\n" in release


@pytest.mark.parametrize(
    "text",
    ["Changelogs", "Suite: other", "SHA256: 0", "A B: c", "X: y\nSuite: z", ": x", "X: \x00"],
)
def test_what_cannot_be_a_field_is_an_error(text):
    with pytest.raises(InvalidInput, match=r"publish\.release_fields: .* cannot be a field"):
        further_fields([text])


@pytest.fixture
def published(debrepo, debrepo_root):
    """A publication; return its Release file."""
    debrepo("repo", "create", "web")
    words = ("--distribution", "stable", "--architectures", "amd64", "--skip-signing")
    debrepo("publish", "repo", "web", *words)
    return (debrepo_root / "public/dists/stable/Release").read_text


def test_publication_has_fields_of_its_own(debrepo, debrepo_root, published):
    (debrepo_root / "debrepo.toml").write_text(
        'publish.release_fields = ["X-A: all", "X-B: all"]\n'
    )
    words = ("--release-field", "x-a: one, two", "--release-field", "X-C: 3")
    debrepo("publish", "update", "stable", *words)
    assert "\nX-B: all\nx-a: one, two\nX-C: 3\n" in published()
    debrepo("publish", "update", "stable", "--label", "y")
    assert "\nX-C: 3\n" in published()
    debrepo("publish", "update", "stable", "--release-field", "")
    assert "\nX-A: all\nX-B: all\n" in published()
    assert "X-C" not in published()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Suite: other", "cannot be a field of Release"),
        ("suite: other", "cannot be a field of Release"),
        ("sha256: 0", "cannot be a field of Release"),
        ("Valid-Until: x", "cannot be a field of Release"),
        ("X", "cannot be a field of Release"),
        ("A B: c", "cannot be a field of Release"),
        ("Origin: x", "use --origin"),
        ("label: x", "use --label"),
    ],
)
def test_field_that_debrepo_writes_is_refused(debrepo, published, text, said):
    before = published()
    words = ("--release-field", text)
    assert said in debrepo("publish", "update", "stable", *words, exit_code=2).output
    assert published() == before
