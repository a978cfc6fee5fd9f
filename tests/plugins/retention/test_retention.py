"""``debrepo repo prune`` and ``debrepo repo retention``: old versions leave repositories."""

import json
import subprocess
import sys
import textwrap
import threading
from contextlib import closing

import pytest

from debrepo import lists, packageset
from debrepo.catalog import CHUNKS
from debrepo.errors import InvalidInput, NotFound
from debrepo.package import PackageKey
from debrepo.session import Session
from debrepo.testing.packages import build_deb, build_source
from debrepo_retention import applying, arrivals, operations, plans
from debrepo_retention.tables import ARRIVALS, DUE, RetentionPolicy

DAY = 86400


def build_all(directory, version, source="hello", names=("hello", "hello-dbgsym", "libhello")):
    """Write the source and the binary packages of one version."""
    fields = {"Source": source}
    for name in names:
        build_deb(directory, name, version, fields=fields if name != source else None)
    build_source(directory, source, version)


def listed(debrepo, name="web"):
    plain = json.loads(debrepo("repo", "show", name, "--with-packages", "--json").stdout)
    return sorted("_".join(key.split()[i] for i in (1, 2, 0)) for key in plain["packages"])


def held(session, name="web"):
    with session.db.read() as txn:
        target = lists.get(session.hook, txn, "repo", name)
        found = packageset.entries(txn[CHUNKS], target.set_id)
        return [PackageKey.from_entry(entry).display for entry in found]


def versions(debrepo, name="web"):
    return {one.split("_")[1] for one in listed(debrepo, name)}


@pytest.fixture
def web(debrepo, tmp_path):
    """A repository with five versions of a source and its three binary packages."""
    debrepo("repo", "create", "web")
    packages = tmp_path / "packages"
    packages.mkdir()
    for version in ("1.0~rc1", "1.0", "1.9", "1.10", "1:0.1"):
        build_all(packages, version)
    debrepo("repo", "add", "web", packages)
    return debrepo


def test_newest_versions_stay_in_debians_order(web):
    result = web("repo", "prune", "web", "--keep", "2")
    assert versions(web) == {"1.10", "1:0.1"}
    assert len(listed(web)) == 8
    assert "pruned   libhello_1.0~rc1_amd64\n" in result.stdout
    assert "web: 12 packages pruned, 8 kept." in result.stderr


def test_plan_that_is_printed_is_what_is_done(web):
    planned = web("repo", "prune", "web", "--keep", "3", "--dry-run")
    assert len(listed(web)) == 20
    assert "8 packages would be pruned, 12 kept; nothing was changed." in planned.stderr
    assert web("repo", "prune", "web", "--keep", "3").stdout == planned.stdout
    assert versions(web) == {"1.9", "1.10", "1:0.1"}


def test_packages_of_one_source_stay_together_whatever_their_versions(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    for number in (1, 2, 3):
        build_source(tmp_path, "gcc", f"{number}.0")
        fields = {"Source": f"gcc ({number}.0)"}
        build_deb(tmp_path, f"libgcc{number}", f"1:{9 - number}.0", fields=fields)
        build_deb(tmp_path, f"libgcc{number}-dbgsym", f"1:{9 - number}.0", fields=fields)
    debrepo("repo", "add", "web", tmp_path)
    debrepo("repo", "prune", "web", "--keep", "1")
    assert listed(debrepo) == [
        "gcc_3.0_Psource",
        "libgcc3-dbgsym_1:6.0_Pamd64",
        "libgcc3_1:6.0_Pamd64",
    ]


def test_rebuilds_of_one_source_version_count_once(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    build_deb(tmp_path, "hello", "1.0")
    for version in ("1.0+b1", "1.0+b2"):
        build_deb(tmp_path, "hello", version, fields={"Source": "hello (1.0)"})
    debrepo("repo", "add", "web", tmp_path)
    assert "0 packages pruned, 3 kept." in debrepo("repo", "prune", "web", "--keep", "1").stderr


def test_binary_packages_are_counted_by_name_and_architecture(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    for version in ("1.0", "2.0", "3.0"):
        build_deb(tmp_path, "hello", version)
    build_deb(tmp_path, "hello", "1.0", "arm64")
    build_deb(tmp_path, "hello-dbgsym", "1.0")
    build_deb(tmp_path, "hello-dbgsym", "3.0")
    debrepo("repo", "add", "web", tmp_path)
    debrepo("repo", "prune", "web", "--keep", "2", "--per", "binary")
    assert listed(debrepo) == [
        "hello-dbgsym_3.0_Pamd64",
        "hello_1.0_Parm64",
        "hello_2.0_Pamd64",
        "hello_3.0_Pamd64",
    ]


def test_sources_of_binary_packages_that_stay_stay(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    build_all(tmp_path, "1.0")
    build_all(tmp_path, "2.0", names=("hello",))
    build_all(tmp_path, "3.0", names=("hello",))
    debrepo("repo", "add", "web", tmp_path)
    debrepo("repo", "prune", "web", "--keep", "1", "--per", "binary")
    assert listed(debrepo) == [
        "hello_1.0_Psource",  # libhello 1.0 was built from it
        "hello_3.0_Pamd64",
        "hello_3.0_Psource",
        "libhello_1.0_Pamd64",
    ]


def test_sources_of_binary_packages_that_are_excepted_or_young_stay(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    for version in ("1.0", "2.0"):
        build_all(tmp_path, version)
    debrepo("repo", "add", "web", tmp_path)
    terms = ("--keep", "1", "--per", "binary", "--except", "libhello (= 1.0)")
    debrepo("repo", "prune", "web", *terms)
    assert [one for one in listed(debrepo) if "1.0" in one] == [
        "hello_1.0_Psource",
        "libhello_1.0_Pamd64",
    ]


def test_only_versions_that_match_the_query_are_counted_and_removed(web, tmp_path):
    web("repo", "prune", "web", "--keep", "1", "--query", "Version (<< 1.9), $PackageType (source)")
    assert versions(web) == {"1.0", "1.9", "1.10", "1:0.1"}


def test_what_is_excepted_stays_with_its_whole_version(web):
    result = web("repo", "prune", "web", "--keep", "1", "--except", "libhello (= 1.9)")
    assert versions(web) == {"1.9", "1:0.1"}
    assert len(listed(web)) == 8
    assert "12 packages pruned, 8 kept, 4 excepted." in result.stderr


def test_what_the_policy_excepts_stays_whatever_is_asked_for(web):
    web("repo", "retention", "set", "web", "--keep", "9", "--except", "hello (= 1.0)")
    web("repo", "prune", "web", "--keep", "1")
    assert versions(web) == {"1.0", "1:0.1"}


def test_young_packages_stay_until_they_are_old_enough(web, debrepo_root, debrepo_plugins):
    result = web("repo", "prune", "web", "--keep", "1", "--min-age", "30d", "--json")
    plain = json.loads(result.stdout)
    assert (plain["removed"], plain["kept"], len(plain["young"])) == ([], 20, 16)
    with closing(Session(debrepo_root, debrepo_plugins)) as session, session.db.write() as txn:
        later = dict(txn[ARRIVALS].items())
        txn[ARRIVALS].clear()
        for key, marks in later.items():
            moment = int.from_bytes(key[-8:], "big") - 31 * DAY * 10**6
            txn[ARRIVALS][key[:-8] + moment.to_bytes(8, "big")] = marks
    web("repo", "prune", "web", "--keep", "1", "--min-age", "30d")
    assert versions(web) == {"1:0.1"}


def test_copied_packages_are_as_young_as_the_copy(web):
    web("repo", "create", "stable")
    web("repo", "copy", "web", "stable", "Name")
    assert web("repo", "prune", "stable", "--keep", "1", "--min-age", "1h").stdout == ""
    web("repo", "create", "other", "from", "repo", "web")
    assert web("repo", "prune", "other", "--keep", "1", "--min-age", "1h").stdout == ""


def test_arrivals_follow_a_renamed_repository_and_leave_with_a_dropped_one(
    web, debrepo_root, debrepo_plugins
):
    web("repo", "rename", "web", "new")
    assert web("repo", "prune", "new", "--keep", "1", "--min-age", "1h").stdout == ""
    web("repo", "retention", "set", "new", "--keep", "1")
    web("repo", "drop", "new")
    with closing(Session(debrepo_root, debrepo_plugins)) as session, session.db.read() as txn:
        assert not txn[ARRIVALS]
    assert web("repo", "retention", "list").output == ""


def test_arrivals_are_removed_once_they_are_remembered_no_longer(session):
    with session.db.write() as txn:
        for day in range(10):
            arrivals.record(txn, "web", [b"%d" % day], day * DAY, 3 * DAY)
        assert len(txn[ARRIVALS]) == 4
        assert arrivals.since(txn, "web", 8 * DAY) == {arrivals.mark(b"8"), arrivals.mark(b"9")}
        assert arrivals.since(txn, "other", 0) == set()


def test_policy_is_applied_after_each_add(web, tmp_path):
    web("repo", "retention", "set", "web", "--keep", "2")
    assert len(listed(web)) == 20
    result = web("repo", "add", "web", build_deb(tmp_path, "other", "1.0"))
    assert "pruned" not in result.stderr  # which is no new version of hello
    result = web("repo", "add", "web", build_deb(tmp_path, "hello", "1:0.2"))
    assert "web: 16 packages pruned by its retention policy." in result.stderr
    assert versions(web) == {"1.0", "1:0.1", "1:0.2"}  # and other 1.0


def test_old_names_of_binary_packages_go_with_their_version(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    debrepo("repo", "retention", "set", "web", "--keep", "1")
    for number in (1, 2):
        fields = {"Source": "hello"}
        deb = build_deb(tmp_path, f"libhello{number}", f"{number}.0", fields=fields)
        debrepo("repo", "add", "web", deb)
    assert listed(debrepo) == ["libhello2_2.0_Pamd64"]


def test_policy_is_applied_when_packages_are_copied(web):
    web("repo", "create", "stable")
    web("repo", "retention", "set", "stable", "--keep", "1")
    web("repo", "copy", "web", "stable", "Name")
    assert versions(web, "stable") == {"1:0.1"}
    assert len(listed(web)) == 20


def test_prune_without_a_number_goes_by_the_policy(web):
    result = web("repo", "prune", "web", exit_code=3)
    assert "Error: the repository web has no retention policy\n" in result.output
    web("repo", "retention", "set", "web", "--keep", "1", "--min-age", "0d")
    web("repo", "create", "other")
    result = web("repo", "prune", "--all", "--dry-run")
    assert "web: 16 packages would be pruned" in result.stderr
    web("repo", "prune", "web")
    assert versions(web) == {"1:0.1"}


def test_policies_are_shown_listed_and_dropped(web):
    terms = ("--keep", "2", "--per", "binary", "--min-age", "14d", "--except", "hello (= 1.0)")
    web("repo", "retention", "set", "web", *terms)
    assert web("repo", "retention", "show", "web").output == (
        "Repository: web\nVersions: 2 per binary\nMinimum age: 2w\nExcepted: hello (= 1.0)\n"
    )
    shown = json.loads(web("repo", "retention", "list", "--json").output)
    assert shown[0]["min_age"] == "2w"
    line = "web  --keep 2 --per binary --min-age 2w --except 'hello (= 1.0)'\n"
    assert web("repo", "retention", "list").output == line
    web("repo", "retention", "drop", "web")
    assert "has no retention policy" in web("repo", "retention", "drop", "web", exit_code=3).output


@pytest.mark.parametrize(
    ("words", "said", "exit_code"),
    [
        (("prune", "none", "--keep", "1"), "no repository called none", 3),
        (("prune", "web", "--keep", "0"), "cannot keep 0 versions", 2),
        (("prune", "web", "--keep", "1", "--min-age", "soon"), "'soon' is no span of time", 2),
        (
            ("prune", "web", "--keep", "1", "--min-age", "2y"),
            "more than what is remembered, 400d",
            2,
        ),
        (("prune", "web", "--keep", "1", "--query", "((("), "Error: ", 2),
        (("prune", "web", "--min-age", "1d"), "nothing says how many versions to keep", 2),
        (("prune",), "name either a repository or --all", 2),
        (("prune", "web", "--all"), "name either a repository or --all", 2),
        (("prune", "--all", "--keep", "1"), "--all goes by the policy of each repository", 2),
        (("retention", "set", "none", "--keep", "1"), "no repository called none", 3),
        (("retention", "set", "web", "--keep", "-1"), "cannot keep -1 versions", 2),
        (("retention", "set", "web", "--keep", "1", "--except", "("), "Error: ", 2),
        (("retention", "set", "web"), "Missing option '--keep'", 2),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(web, words, said, exit_code):
    result = web("repo", *words, exit_code=exit_code)
    assert said in result.output
    assert len(listed(web)) == 20
    assert web("repo", "retention", "list").output == ""


def test_what_snapshots_and_publications_hold_is_never_lost(web, debrepo_root):
    web("snapshot", "create", "monday", "from", "repo", "web")
    web("publish", "repo", "web", "--distribution", "stable", "--skip-signing")
    web("repo", "prune", "web", "--keep", "1")
    web("db", "cleanup")
    assert "Packages: 20" in web("snapshot", "show", "monday").output
    web("publish", "verify", "stable", "--files")
    assert len(list((debrepo_root / "public/pool").rglob("*.deb"))) == 15
    web("repo", "create", "again", "from", "snapshot", "monday")
    assert len(listed(web, "again")) == 20


def test_changes_of_the_same_packages_meanwhile_give_a_new_plan(
    web, session, tmp_path, monkeypatch
):
    """The plan is made anew where a build of one of its versions arrives before it is done."""
    late = build_deb(tmp_path, "hello", "1.0", "arm64")
    real, raced = plans.plan, []

    def plan(*args):
        made = real(*args)
        if not raced:
            raced.append(made)
            list(session.call("repo.add", name="web", paths=[late]))
        return made

    monkeypatch.setattr(plans, "plan", plan)
    done = operations.prune(session, "web", keep=1)
    assert len(raced[0].removed) == 16
    assert len(done.removed) == 17  # the late one too
    assert len(held(session)) == 4


def test_packages_that_others_add_meanwhile_stay(web, session, tmp_path, monkeypatch):
    late = build_deb(tmp_path, "other", "1.0")
    real, plans_made = plans.plan, []

    def plan(*args):
        made = real(*args)
        plans_made.append(made)
        if len(plans_made) == 1:
            list(session.call("repo.add", name="web", paths=[late]))
        return made

    monkeypatch.setattr(plans, "plan", plan)
    operations.prune(session, "web", keep=1)
    assert len(plans_made) == 1
    assert "other_1.0_amd64" in held(session)


def test_nothing_is_lost_while_many_write_to_a_repository_with_a_policy(session, tmp_path):
    session.call("repo.create", name="web")
    session.call("retention.set", name="web", keep=2)
    made = {
        number: [build_deb(tmp_path, f"tool{number}", f"{v}.0") for v in range(4)]
        for number in range(4)
    }
    failed = []

    def write(number):
        for deb in made[number]:
            outcomes = list(session.call("repo.add", name="web", paths=[deb]))
            failed.extend(one for one in outcomes if one.status != "added")

    threads = [threading.Thread(target=write, args=(number,)) for number in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert held(session) == [f"tool{number}_{v}.0_amd64" for number in made for v in (2, 3)]
    with session.db.read() as txn:
        assert not txn[DUE]


def test_killed_process_leaves_what_the_next_command_prunes(web, debrepo_root, tmp_path):
    """Between the commit of an add and its pruning, nothing but the pruning is missing."""
    web("repo", "retention", "set", "web", "--keep", "1")
    deb = build_deb(tmp_path, "hello", "2:1.0")
    script = textwrap.dedent(
        """
        import os, sys
        from debrepo_retention import applying
        applying.prune = lambda *args, **more: os.kill(os.getpid(), 9)
        from debrepo.cli import main
        sys.argv = ["debrepo", *sys.argv[1:]]
        main()
        """
    )
    words = ["--root", str(debrepo_root), "repo", "add", "web", str(deb)]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=False)
    assert done.returncode == -9
    result = web("version")  # which does not use the database
    result = web("repo", "list")
    assert "web: 20 packages pruned by its retention policy." in result.stderr
    assert listed(web) == ["hello_2:1.0_Pamd64"]


def test_server_holds_repositories_to_their_policies(web, session):
    web("repo", "retention", "set", "web", "--keep", "1")
    applying.in_background(session, None)()
    assert len(held(session)) == 4
    record = session.call("audit.list")[0]
    assert record.actor == "retention"


def test_plan_of_a_few_sources_is_that_of_all(web, session, tmp_path):
    build_all(tmp_path, "1.0", "other", names=("other",))
    build_all(tmp_path, "2.0", "other", names=("other",))
    web("repo", "add", "web", tmp_path / "other_1.0_amd64.deb", tmp_path / "other_2.0_amd64.deb")
    policy = RetentionPolicy(1)
    with session.db.read() as txn:
        target = lists.get(session.hook, txn, "repo", "web")
        whole = plans.plan(session.config, txn, target, policy, 0)
        parts = [
            plans.plan(session.config, txn, target, policy, 0, frozenset([source])).removed
            for source in (b"hello", b"other")
        ]
        count = packageset.count(txn[CHUNKS], target.set_id)
    assert sorted([*parts[0], *parts[1]]) == list(whole.removed)
    assert (count, len(whole.removed)) == (22, 17)


def test_repository_without_a_policy_is_left_alone(session):
    with pytest.raises(NotFound, match="no repository called none"):
        operations.prune(session, "none")
    with pytest.raises(InvalidInput, match="no versions per 'package'"):
        operations.prune(session, "none", keep=1, per="package")
    with session.db.read() as txn:
        assert not txn[DUE]


def test_pruning_all_where_no_repository_has_a_policy_says_so(debrepo):
    debrepo("repo", "create", "web")
    assert debrepo("repo", "prune", "--all").stderr == "No repository has a retention policy.\n"
