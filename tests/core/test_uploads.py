"""The upload area: what a directory's name may lead to."""

from pathlib import Path

import pytest

from debrepo.errors import InvalidInput
from debrepo.uploads import upload_path


@pytest.mark.parametrize(
    "directory", ["~..", "~../ci-42", "~.", "~.hidden", "~./x", "~/..", "~a/..", "a/~..", "..", "~"]
)
def test_no_name_of_a_directory_of_ones_own_leads_out_of_it(tmp_path: Path, directory: str) -> None:
    with pytest.raises(InvalidInput, match="not a place to upload to"):
        upload_path(tmp_path, directory, owner="token:ci")


@pytest.mark.parametrize("directory", ["~a", "~a/b", "~~", "~~a", "~-..", "/~a//b/"])
def test_a_directory_of_ones_own_lies_below_ones_home(tmp_path: Path, directory: str) -> None:
    place = upload_path(tmp_path, directory, "x.deb", owner="token:ci")
    assert place.relative_to(tmp_path / "upload").parts[0].startswith("~token-ci-")
    assert ".." not in place.parts
