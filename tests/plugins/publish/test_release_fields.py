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
