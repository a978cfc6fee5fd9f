"""Contracts that have to fail, for `test_contract` to run: each of a storage with one fault."""

import pytest
from contract import faulty
from contract.service import SaysWhatTheNetworkSays, TriesOnce, service

from debrepo.testing import ServiceContract, StorageContract


class OfFiles(StorageContract):
    patience = 5
    kind: type[faulty.FileStorage]

    @pytest.fixture
    def storage(self, reopen):
        return reopen()

    @pytest.fixture
    def reopen(self, tmp_path):
        return lambda: self.kind(tmp_path / "public", "copy")


class OfAService(ServiceContract):
    kind: type

    @pytest.fixture
    def server_port(self):
        with service() as port:
            yield port

    @pytest.fixture
    def connect(self):
        return self.kind

    @pytest.fixture
    def restart(self, cutter):
        return lambda: self.kind(cutter.port, "this root")


class TestPutsInPlace(OfFiles):
    kind = faulty.PutsInPlace


class TestCommitsWithoutLooking(OfFiles):
    kind = faulty.CommitsWithoutLooking


class TestLooksTooEarly(OfFiles):
    kind = faulty.LooksTooEarly


class TestReplacesWhatIsServed(OfFiles):
    kind = faulty.ReplacesWhatIsServed


class TestListsWhatIsHalfThere(OfFiles):
    kind = faulty.ListsWhatIsHalfThere


class TestStumblesOverWhatIsGone(OfFiles):
    kind = faulty.StumblesOverWhatIsGone


class TestLocksNobodyOut(OfFiles):
    kind = faulty.LocksNobodyOut


class TestLinksInPlace(OfFiles):
    kind = faulty.LinksInPlace


class TestLinksOverARival(OfFiles):
    kind = faulty.LinksOverARival


class TestLocksForEver(OfFiles):
    kind = faulty.LocksForEver
    patience = 1


class TestDatesInWholeSeconds(OfFiles):
    kind = faulty.DatesInWholeSeconds


class TestSaysWhatTheSystemSays(OfFiles):
    kind = faulty.SaysWhatTheSystemSays


class TestTriesOnce(OfAService):
    kind = TriesOnce


class TestSaysWhatTheNetworkSays(OfAService):
    kind = SaysWhatTheNetworkSays
