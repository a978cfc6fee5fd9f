"""What the policy plugin brings: rules, in settings, and the hooks that hold packages to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debrepo import Command, Operation, Setting, hookimpl

if TYPE_CHECKING:
    from debrepo.arrival import Arrival
    from debrepo.database import Transaction
    from debrepo.package import Package, PackageList
    from debrepo.published import PublicationState
    from debrepo.session import Session

_OPERATIONS = "debrepo_policy.operations"


@hookimpl
def debrepo_commands() -> list[Command]:
    return [
        Command("policy", "debrepo_policy.cli:policy", "Show the acceptance rules, and try them.")
    ]


@hookimpl
def debrepo_operations() -> list[Operation]:
    return [
        Operation(
            "policy.list",
            f"{_OPERATIONS}:list_",
            "List the acceptance rules.",
            "read",
            "policy list",
            changes=False,
        ),
        Operation(
            "policy.check",
            f"{_OPERATIONS}:check",
            "Say which packages break acceptance rules.",
            "read",
            "policy check",
            changes=False,
            long=True,
        ),
    ]


@hookimpl
def debrepo_settings() -> list[Setting]:
    return [
        Setting("policy.*.repo", (), "Repositories that the rule holds for, as patterns"),
        Setting(
            "policy.*.publication",
            (),
            "Publications that the rule holds for, as patterns over [STORAGE:]PREFIX/DISTRIBUTION",
        ),
        Setting("policy.*.require", "", "Query that each package has to match"),
        Setting("policy.*.deny", "", "Query that no package may match"),
        Setting("policy.*.names", (), "Patterns for names of packages; empty: any"),
        Setting("policy.*.architectures", (), "Patterns for architectures; empty: any"),
        Setting("policy.*.maintainers", (), "Patterns for the field Maintainer; empty: any"),
        Setting("policy.*.max_size", 0, "Maximum bytes of the files of a package; 0: no limit"),
        Setting("policy.*.no_remarks", False, "Refuse packages with remarks"),
        Setting(
            "policy.*.signed", False, "Accept packages only in signed uploads, or from other lists"
        ),
        Setting(
            "policy.*.copied_from",
            (),
            "Lists that packages may be copied from, as patterns over KIND:NAME; empty: any, but "
            "none if signed is set",
        ),
        Setting(
            "policy.*.no_downgrade",
            False,
            "Refuse versions below those in the repository, and publications that take a "
            "package back to an older version",
        ),
        Setting(
            "policy.*.max_removed",
            100,
            "Maximum percentage of packages that a publication may lose at once",
        ),
        Setting("policy.*.message", "", "What to tell users whose packages are refused"),
    ]


@hookimpl
def debrepo_accepts_all(session: Session, target: PackageList) -> bool:
    if not session.config.names("policy"):
        return True
    from debrepo_policy.rules import configured

    return not any(rule.holds_for(target) for rule in configured(session.config))


@hookimpl
def debrepo_accept_package(
    session: Session, txn: Transaction, package: Package, target: PackageList, arrival: Arrival
) -> None:
    from debrepo_policy.rules import accept

    accept(session, txn, package, target, arrival)


@hookimpl
def debrepo_renamed(session: Session, txn: Transaction, kind: str, old: str, new: str) -> None:
    if kind == "repo" and session.config.names("policy"):
        from debrepo_policy.rules import check_renamed

        check_renamed(session, txn, old, new)


@hookimpl
def debrepo_before_commit(
    session: Session,
    publication: str,
    before: PublicationState | None,
    after: PublicationState,
    force: bool,
) -> None:
    if session.config.names("policy"):
        from debrepo_policy.gate import check

        check(session, publication, before, after, force=force)
