import re

import pytest


@pytest.fixture
def url(postgresql, request):
    """Return the URL of a database of this test's own."""
    name = "d" + re.sub(r"\W", "_", request.node.name)[:50].lower()
    yield postgresql.create(name)
    postgresql.sql(f"DROP DATABASE {name} (FORCE)", "postgres")
