"""A bucket as a storage."""

import os

import pytest
from object_stores import services

from debrepo.testing import ObjectStoreContract


class TestS3Storage(ObjectStoreContract):
    many = 5_000 if services.VARIABLE in os.environ else 250

    @pytest.fixture
    def proxy(self, proxy):  # the strict one
        return proxy

    @pytest.fixture
    def connect(self, open_bucket):
        return open_bucket


class TestWithoutConditionalWrites(ObjectStoreContract):
    many = 50
    creates_only = False

    @pytest.fixture
    def proxy(self, proxy):
        return proxy

    @pytest.fixture
    def connect(self, open_bucket):
        return open_bucket

    @pytest.fixture
    def strict(self):
        return {"ignorant": True}

    @pytest.fixture
    def settings(self, settings):
        return settings | {"conditional_writes": "auto"}
