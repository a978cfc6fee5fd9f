"""HTTP by libcurl, against a server that does wrong what it is told to."""

import pytest
from upstream import serving

from debrepo.testing import TransportContract
from debrepo_transport_curl.transport import CurlTransport


class TestHttp(TransportContract):
    @pytest.fixture
    def transport_class(self):
        return CurlTransport

    @pytest.fixture
    def upstream(self, tmp_path):
        with serving(tmp_path) as upstream:
            yield upstream
