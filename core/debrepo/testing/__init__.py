"""What plugin authors test with: contracts to inherit, and fixtures."""

import pytest

pytest.register_assert_rewrite(
    "debrepo.testing.commit_contract",
    "debrepo.testing.contracts",
    "debrepo.testing.index_kind_contract",
    "debrepo.testing.crash_contract",
    "debrepo.testing.database_contract",
    "debrepo.testing.object_store",
    "debrepo.testing.service_contract",
    "debrepo.testing.signer_contract",
    "debrepo.testing.transport_contract",
    "debrepo.testing.transport_faults",
    "debrepo.testing.transport_fixtures",
)

from debrepo.testing.contracts import StorageContract  # noqa: E402
from debrepo.testing.database_contract import DatabaseContract  # noqa: E402
from debrepo.testing.index_kind_contract import IndexKindContract  # noqa: E402
from debrepo.testing.object_store import ObjectStoreContract  # noqa: E402
from debrepo.testing.service_contract import ServiceContract  # noqa: E402
from debrepo.testing.signer_contract import SignerContract  # noqa: E402
from debrepo.testing.transport_contract import TransportContract  # noqa: E402

__all__ = [
    "DatabaseContract",
    "IndexKindContract",
    "ObjectStoreContract",
    "ServiceContract",
    "SignerContract",
    "StorageContract",
    "TransportContract",
]
