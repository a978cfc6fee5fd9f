"""What tests of repositories share."""

import pytest


@pytest.fixture
def incoming(tmp_path):
    directory = tmp_path / "incoming"
    directory.mkdir()
    return directory
