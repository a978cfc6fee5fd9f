"""Changes of repositories, mirrors and snapshots: the forms on their pages are sent here."""

from typing import Annotated, NamedTuple

from fastapi import Form, Request, Response

from debrepo.errors import InvalidInput
from debrepo.http import Door, opens
from debrepo.session import Session
from debrepo_web import rendering
from debrepo_web.filters import url
from debrepo_web.routing import pages, see
from debrepo_web.task_pages import page_of

routes = pages()

_FOLDERS = {"repos": "repo", "mirrors": "mirror", "snapshots": "snapshot"}
_SHOWN = 200  # packages that a question names

Text = Annotated[str, Form(max_length=100_000)]
Keys = Annotated[list[str], Form()]

RepoCreating = Annotated[Door, opens("repo.create")]
RepoEditing = Annotated[Door, opens("repo.edit")]
RepoRemoving = Annotated[Door, opens("repo.remove-keys", "repo.remove")]
RepoDropping = Annotated[Door, opens("repo.drop")]
Copying = Annotated[Door, opens("repo.add-keys", "repo.copy")]
MirrorUpdating = Annotated[Door, opens("mirror.update")]
MirrorDropping = Annotated[Door, opens("mirror.drop")]
SnapshotCreating = Annotated[Door, opens("snapshot.create")]
SnapshotDropping = Annotated[Door, opens("snapshot.drop")]


class MarkedPackages(NamedTuple):
    """The packages that a form names: some by their keys, or all that match a query."""

    keys: tuple[str, ...]
    query: str

    def check(self) -> None:
        """Raise `InvalidInput` unless it is one of both."""
        if bool(self.keys) is bool(self.query):
            raise InvalidInput(
                "choose packages in the table, or write a query", hint="one of both, not neither"
            )


def origin(text: str) -> dict[str, str]:
    """Return the arguments for the list that a form names as ``kind:name``; none if it is empty."""
    kind, colon, name = text.partition(":")
    if text and not (kind and colon and name):
        raise InvalidInput(f"not a package list: {text[:80]!r}", hint="write KIND:NAME")
    return {"kind": kind, "source": name} if text else {}


class ListForms(NamedTuple):
    """What the forms on the page of a list are filled with."""

    component: str = ""
    distribution: str = ""
    comment: str = ""
    targets: tuple[str, ...] = ()  #: repositories that its packages can be copied to


def forms_of(door: Door, kind: str, name: str) -> ListForms:
    """Return what the forms for a list are filled with, as far as the caller may send them."""
    there = door.session.operations
    known = door.session.call("repo.list") if "repo.list" in there else []
    targets = (one.repo.name for one in known if (kind, name) != ("repo", one.repo.name))
    may = tuple(target for target in targets if door.caller.may(f"repo:{target}:add"))
    if kind != "repo":
        return ListForms(targets=may)
    repo = door.session.call("repo.show", name=name).repo
    return ListForms(repo.component, repo.distribution, repo.comment, may)


@routes.post("/repos/create", include_in_schema=False)
async def create_repo(
    request: Request,
    door: RepoCreating,
    name: Text = "",
    component: Text = "",
    distribution: Text = "",
    comment: Text = "",
    source: Text = "",
) -> Response:
    """Create a repository."""
    name = name.strip()
    await door.call(
        "repo.create",
        name=name,
        component=component.strip() or "main",
        distribution=distribution.strip(),
        comment=comment.strip(),
        **origin(source),
    )
    return see(request, url("repos", name), f"Created repository {name}.")


@routes.post("/repos/{name}/edit", include_in_schema=False)
async def edit_repo(
    name: str,
    request: Request,
    door: RepoEditing,
    component: Text = "",
    distribution: Text = "",
    comment: Text = "",
) -> Response:
    """Edit the properties of a repository."""
    fields = {"component": component, "distribution": distribution, "comment": comment}
    await door.call("repo.edit", name=name, **{key: text.strip() for key, text in fields.items()})
    return see(request, url("repos", name), f"Changed repository {name}.")


@routes.post("/repos/{name}/remove", include_in_schema=False)
async def remove(
    name: str,
    request: Request,
    door: RepoRemoving,
    key: Keys = [],  # noqa: B006  # FastAPI copies it
    query: Text = "",
    sure: Text = "",
) -> Response:
    """Remove packages from a repository, once somebody has seen which."""
    chosen = MarkedPackages(tuple(key), query.strip())
    chosen.check()
    if not sure:
        return await _ask(request, door, name, chosen)
    if chosen.keys:
        await door.call("repo.remove-keys", name=name, keys=chosen.keys)
        count = len(chosen.keys)
    else:
        count = len(await door.call("repo.remove", name=name, queries=[chosen.query]))
    return see(request, url("repos", name), f"{_packages(count)} removed from {name}.")


async def _ask(request: Request, door: Door, name: str, chosen: MarkedPackages) -> Response:
    """Show the packages that would be removed, and ask whether they are those that are meant."""
    if chosen.keys:
        door.caller.require(f"repo:{name}:remove")
        shown = [*chosen.keys]
    else:
        found = await door.call("repo.remove", name=name, queries=[chosen.query], dry_run=True)
        shown = [str(one) for one in found]
    return rendering.page(
        request,
        "remove.html",
        name=name,
        chosen=chosen,
        shown=[_words(one) for one in shown[:_SHOWN]],
        count=len(shown),
    )


def _words(key: str) -> str:
    """Return what people call a package: its name, version and architecture."""
    architecture, name, version, *_ = [*key.removeprefix("P").split(" "), "", ""]
    return f"{name} {version} {architecture}"


@routes.post("/{folder}/{name}/copy", include_in_schema=False)
async def copy(
    folder: str,
    name: str,
    request: Request,
    door: Copying,
    target: Text = "",
    key: Keys = [],  # noqa: B006  # FastAPI copies it
    query: Text = "",
) -> Response:
    """Copy packages of a list to a repository."""
    chosen = MarkedPackages(tuple(key), query.strip())
    chosen.check()
    if folder not in _FOLDERS:
        raise InvalidInput(f"nothing to copy from: {folder[:80]!r}")
    if not target:
        raise InvalidInput("choose the repository to copy to")
    if chosen.keys:
        await door.call("repo.add-keys", name=target, keys=chosen.keys)
        count = len(chosen.keys)
    else:
        source = f"{_FOLDERS[folder]}:{name}"
        copied = await door.call("repo.copy", source=source, target=target, queries=[chosen.query])
        count = len(copied.packages)
    return see(request, url("repos", target), f"{_packages(count)} copied to {target}.")


@routes.post("/snapshots/create", include_in_schema=False)
async def create_snapshot(
    request: Request,
    door: SnapshotCreating,
    name: Text = "",
    source: Text = "",
    description: Text = "",
) -> Response:
    """Create a snapshot of a package list, or an empty one."""
    name = name.strip()
    said = {"description": description.strip()} if description.strip() else {}
    await door.call("snapshot.create", name=name, **origin(source), **said)
    return see(request, url("snapshots", name), f"Created snapshot {name}.")


@routes.post("/mirrors/{name}/update", include_in_schema=False)
async def update_mirror(name: str, request: Request, door: MirrorUpdating) -> Response:
    """Bring a mirror up to date, as a task."""
    door.caller.require(f"mirror:{name}:update")
    task = await door.begin(
        f"Update mirror {name}",
        run_update,
        resources=[f"mirror:{name}"],
        resumable=True,
        name=name,
    )
    return see(request, page_of(task, url("mirrors", name)))


def run_update(session: Session, name: str) -> None:
    """Bring a mirror up to date."""
    session.call("mirror.update", name=name)


@routes.post("/repos/{name}/drop", include_in_schema=False)
async def drop_repo(name: str, request: Request, door: RepoDropping, sure: Text = "") -> Response:
    """Drop a repository."""
    return await _drop(request, door, "repos", name, sure)


@routes.post("/mirrors/{name}/drop", include_in_schema=False)
async def drop_mirror(
    name: str, request: Request, door: MirrorDropping, sure: Text = ""
) -> Response:
    """Drop a mirror."""
    return await _drop(request, door, "mirrors", name, sure)


@routes.post("/snapshots/{name}/drop", include_in_schema=False)
async def drop_snapshot(
    name: str, request: Request, door: SnapshotDropping, sure: Text = ""
) -> Response:
    """Drop a snapshot."""
    return await _drop(request, door, "snapshots", name, sure)


async def _drop(request: Request, door: Door, folder: str, name: str, sure: str) -> Response:
    kind = _FOLDERS[folder]
    if not sure:
        raise InvalidInput(f"mark that {name} is to be dropped, or it stays")
    await door.call(f"{kind}.drop", name=name)
    return see(request, url(folder), f"Dropped {name}; its packages stay until a cleanup.")


def _packages(count: int) -> str:
    return f"{count} package{'' if count == 1 else 's'}"
