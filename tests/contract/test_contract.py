"""The contract of storages: what works passes it, and each fault that kills archives fails."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from contract.faulty_contracts import OfAService
from contract.service import ServiceStorage

TESTS = Path(__file__).parents[1]
FAULTY = Path(__file__).with_name("faulty_contracts.py")

#: A fault, and the test that is there for it.
CAUGHT = {
    "PutsInPlace": "test_a_replacement_that_is_killed_leaves_the_old_file_or_the_new_one[put]",
    "CommitsWithoutLooking": "test_commit_refuses_when_the_file_has_gone",
    "LooksTooEarly": "test_of_two_that_commit_at_once_one_is_refused",
    "ReplacesWhatIsServed": "test_link_refuses_to_replace_a_file_of_another_size",
    "ListsWhatIsHalfThere": (
        "test_a_replacement_that_is_killed_leaves_the_old_file_or_the_new_one[put]"
    ),
    "StumblesOverWhatIsGone": "test_delete_of_a_missing_file_is_no_error",
    "LocksNobodyOut": "test_nobody_enters_while_another_publisher_is_alone",
    "LinksInPlace": "test_a_link_that_is_killed_is_not_seen_and_blocks_nothing",
    "LinksOverARival": "test_of_two_that_link_different_files_to_one_path_one_is_refused",
    "LocksForEver": "test_a_lock_of_a_killed_process_does_not_block_the_next_run",
    "DatesInWholeSeconds": ("test_every_replacement_has_a_date_of_its_own_unless_dates_are_coarse"),
    "SaysWhatTheSystemSays": "test_a_pool_file_that_is_gone_is_an_error_of_debrepos",
    "TriesOnce": "test_a_call_is_done_however_its_connection_ends_once[put-sent]",
    "SaysWhatTheNetworkSays": "test_a_service_that_is_gone_is_an_error_and_nothing_changes[put]",
}


class TestServiceStorage(OfAService):
    kind = ServiceStorage


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Run each test that a fault is to be caught by, and tell which fail, as ``fault: test``."""
    place = tmp_path_factory.mktemp("faulty")
    nodes = [f"{FAULTY}::Test{fault}::{test}" for fault, test in CAUGHT.items()]
    options = ["-p", "no:cacheprovider", f"--junitxml={place / 'found.xml'}"]
    own = ["--basetemp", str(place / "tmp"), "--rootdir", str(TESTS.parent)]
    run = [sys.executable, "-m", "pytest", "-q", *options, *own, *nodes]
    done = subprocess.run(run, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    cases = list(ET.parse(place / "found.xml").iter("testcase"))
    assert len(cases) == len(CAUGHT), done.stdout
    return {
        f"{case.attrib['classname'].rpartition('.Test')[2]}: {case.attrib['name']}"
        for case in cases
        if case.find("failure") is not None
    }


@pytest.mark.parametrize("fault", CAUGHT)
def test_a_fault_that_kills_archives_fails_its_test(failed, fault):
    assert f"{fault}: {CAUGHT[fault]}" in failed


def test_every_faulty_storage_is_caught():
    assert set(CAUGHT) == {
        line.removeprefix("class Test").partition("(")[0]
        for line in FAULTY.read_text().splitlines()
        if line.startswith("class Test")
    }
