"""The contract, and what is ours alone."""

import pytest
from debrepo_publish_template.storage import TemplateStorage

from debrepo.errors import InvalidInput
from debrepo.testing import StorageContract


class TestTemplateStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return TemplateStorage(tmp_path / "objects")

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: TemplateStorage(tmp_path / "objects")

    @pytest.fixture
    def restart(self, tmp_path):
        return lambda: TemplateStorage(tmp_path / "objects", owner="this root")


def test_who_is_alone_keeps_others_out(tmp_path):
    one, other = (TemplateStorage(tmp_path / "objects") for _ in range(2))
    with one.exclusive("dists/stable/InRelease"):
        assert not other._take("dists/stable/~debrepo-lock", b"other 1")
    assert list(one.list()) == []


def test_it_says_what_is_not_configured(tmp_path):
    with pytest.raises(InvalidInput, match="storage template:x has no file") as caught:
        TemplateStorage.open("x", {}, tmp_path)
    assert "storage.template.x.file" in caught.value.hint
