"""The kinds of index that come with debrepo, and that of the guide, do what every kind must do."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from debrepo.testing import IndexKindContract
from debrepo_publish.indexes.contents import ContentsIndex
from debrepo_publish.indexes.kinds import PackagesIndex, SourcesIndex
from debrepo_publish.indexes.translation import TranslationIndex


class TestPackagesIndex(IndexKindContract):
    options = {"translations": False}  # noqa: RUF012  # never changed
    form = "stanzas"

    @pytest.fixture
    def kind(self):
        return PackagesIndex()


class TestSourcesIndex(IndexKindContract):
    form = "stanzas"

    @pytest.fixture
    def kind(self):
        return SourcesIndex()


class TestContentsIndex(IndexKindContract):
    options = {"contents": True}  # noqa: RUF012  # never changed

    @pytest.fixture
    def kind(self):
        return ContentsIndex()


class TestPackagesIndexWithTranslations(TestPackagesIndex):
    options = {"translations": True}  # noqa: RUF012  # never changed


class TestTranslationIndex(IndexKindContract):
    options = {"translations": True}  # noqa: RUF012  # never changed
    form = "stanzas"

    @pytest.fixture
    def kind(self):
        return TranslationIndex()


GUIDE = Path(__file__).parents[3] / "docs/guide/plugins.md"


class TestMaintainersIndex(IndexKindContract):
    options = {"maintainers": True}  # noqa: RUF012  # never changed

    @pytest.fixture
    def kind(self, tmp_path, monkeypatch):
        """Return the kind of index that the guide shows."""
        code = re.search(r'```python\n("""Maintainers: .*?)```', GUIDE.read_text(), re.DOTALL)[1]
        path = tmp_path / "maintainers.py"
        path.write_text(code)
        spec = importlib.util.spec_from_file_location("maintainers", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "maintainers", module)
        spec.loader.exec_module(module)
        return module.MaintainersIndex()
