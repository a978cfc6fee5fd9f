"""The gate: a publication that breaks a rule stays as clients know it."""

import pytest

from debrepo.errors import InvalidInput
from debrepo.testing.packages import build_deb


@pytest.fixture
def update(session, tmp_path):
    """Return a function that publishes ``tools`` with these packages: ``name=version``."""
    published = []

    def update(*, force=False, **packages):
        if not published:
            session.call("repo.create", name="tools")
        session.call("repo.remove", name="tools", queries=["Name"])
        paths = [build_deb(tmp_path, name, version) for name, version in packages.items()]
        list(session.call("repo.add", name="tools", paths=paths))
        if published:
            return session.call("publish.update", distribution="stable", force=force)
        published.append(True)
        options = {"skip_signing": True}
        return session.call(
            "publish.create", kind="repo", names=["tools"], distribution="stable", options=options
        )

    return update


def test_publish_that_loses_too_many_packages_is_refused(session, policy, update, debrepo_root):
    policy(house={"publication": ["stable"], "max_removed": 25})
    update(a="1", b="1", c="1", d="1")
    update(a="2", b="1", c="1")
    release = (debrepo_root / "public/dists/stable/Release").read_bytes()
    with pytest.raises(InvalidInput) as refused:
        update(a="2")
    assert str(refused.value) == (
        "./stable breaks the rule house: expected to lose 25 % of its packages at most, "
        "found 2 of 3 gone (b_1_amd64, c_1_amd64)"
    )
    assert refused.value.hint == "publish it with --force if this is meant"
    assert (debrepo_root / "public/dists/stable/Release").read_bytes() == release


def test_force_publishes_all_the_same_and_says_so(session, policy, update, monkeypatch):
    policy(house={"publication": ["./*"], "no_downgrade": True})
    update(a="2", b="1")
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    with pytest.raises(
        InvalidInput, match=r"a_2_amd64 breaks the rule house: expected 2 or a newer"
    ):
        update(a="1", b="1")
    assert update(a="1", b="1", force=True).changed
    assert notes[-1:] == [
        "Publishing all the same: a_2_amd64 breaks the rule house: "
        "expected 2 or a newer version in ./stable, found 1."
    ]


def test_new_packages_of_a_publication_are_held_to_the_rule(session, update):
    update(a="1")
    for key, value in {
        "publication": ("stable",),
        "names": ("b*",),
        "message": "only b is for clients",
    }.items():
        session.config.override(f"policy.house.{key}", value, "a test")
    update(a="1", b="1")
    with pytest.raises(InvalidInput, match="expected a name like b\\*, found c") as refused:
        update(a="1", b="1", c="1")
    assert refused.value.hint == "only b is for clients"


def test_package_that_moves_between_components_is_neither_gone_nor_new(
    session, policy, update, tmp_path
):
    policy(house={"publication": ["stable"], "max_removed": 0, "names": ["a", "b"]})
    session.call("repo.create", name="more")
    list(session.call("repo.add", name="more", paths=[build_deb(tmp_path, "b", "1")]))
    options = {"skip_signing": True}
    update(a="1")
    session.call("publish.drop", distribution="stable")
    session.call(
        "publish.create",
        kind="repo",
        names=["tools", "more"],
        distribution="stable",
        components=["main", "extra"],
        options=options,
    )
    session.call("repo.move", source="more", target="tools", queries=["b"])
    assert session.call("publish.update", distribution="stable").changed


def test_rule_for_repositories_alone_is_no_gate(session, policy, update):
    policy(house={"repo": ["nothing"], "max_removed": 0, "no_downgrade": True})
    update(a="2", b="1")
    assert update(a="1").changed


def test_rollback_is_meant(session, policy, update):
    policy(house={"publication": ["stable"], "no_downgrade": True})
    update(a="1")
    update(a="2")
    assert session.call("publish.rollback", distribution="stable").changed
