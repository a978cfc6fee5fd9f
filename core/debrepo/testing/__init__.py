"""What plugin authors test with: contracts to inherit, and fixtures."""

import pytest

pytest.register_assert_rewrite("debrepo.testing.contracts")

from debrepo.testing.contracts import StorageContract  # noqa: E402

__all__ = ["StorageContract"]
