"""The model that all operations are held against: sets of packages under names, and no storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from debrepo.version import sort_key


class Item(NamedTuple):
    """A package; ``build`` tells two of one version apart that have other bytes."""

    name: str
    version: str
    architecture: str
    build: int = 0

    @property
    def identity(self):
        return self[:3]

    @property
    def group(self):
        return (self.name, self.architecture)


class Refused(Exception):
    """The operation has to end in the error of this kind, and to change nothing."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


@dataclass
class Published:
    """What is published at a place under a distribution."""

    sources: dict
    live: dict
    pending: dict | None = None
    #: By number, also of generations that cannot be had any more: sources, and what was served.
    history: dict = field(default_factory=dict)


@dataclass
class Model:
    repos: dict = field(default_factory=dict)
    snapshots: dict = field(default_factory=dict)
    mirrors: dict = field(default_factory=dict)
    made_from: dict = field(default_factory=dict)  # snapshot to the lists that it was made from
    published: dict = field(default_factory=dict)  # place and distribution to `Published`
    dropped: dict = field(default_factory=dict)  # the histories of publications that are no more
    catalog: set = field(default_factory=set)
    trash: set = field(default_factory=set)
    aged: set = field(default_factory=set)  # those in the trash whose time is over

    # Looking things up.

    def content(self, kind, name):
        content = self.listed(kind, name)
        if content is None:
            raise Refused("NotFound")
        return content

    def listed(self, kind, name):
        """Return the packages of a list; ``None`` of a mirror that was never updated."""
        if name not in self.known(kind):
            raise Refused("NotFound")
        return self.known(kind)[name]

    def known(self, kind):
        return {"repo": self.repos, "snapshot": self.snapshots, "mirror": self.mirrors}[kind]

    def has(self, source):
        kind, _, name = source.partition(":")
        return name in self.known(kind)

    def contents(self, sources):
        return {part: self.content(*source.split(":")) for part, source in sources.items()}

    def publication(self, key):
        if key not in self.published:
            raise Refused("NotFound")
        return self.published[key]

    def users(self, source):
        """Return whether something serves a list, and whether something else refers to it."""
        firm = any(source in one.sources.values() for one in self.published.values())
        pending = any(source in (one.pending or {}).values() for one in self.published.values())
        return firm, pending or any(source in origins for origins in self.made_from.values())

    def check_unused(self, source, *, force):
        firm, weak = self.users(source)
        if firm or (weak and not force):
            raise Refused("InUse")

    # Repositories.

    def create_repo(self, name, kind="", source=""):
        content = self.content(kind, source) if kind else frozenset()
        if name in self.repos:
            raise Refused("AlreadyExists")
        self.repos[name] = content

    def add(self, name, item, *, replace):
        there = self.content("repo", name)
        same = {one for one in there if one.identity == item.identity}
        if same - {item} and not replace:
            raise Refused("failed")
        self.catalog.add(item)
        self.trash.discard(item)
        self.repos[name] = (there - same) | {item}

    def joined(self, target, items):
        there = self.content("repo", target)
        either = there | items
        if len({one.identity for one in either}) < len(either):
            raise Refused("AlreadyExists")
        return either

    def copy(self, kind, source, target, name, *, move=False):
        content = self.content(kind, source)
        self.content("repo", target)
        if (kind, source) == ("repo", target):
            raise Refused("InvalidInput")
        if move and kind != "repo":
            raise Refused("InvalidInput")
        chosen = frozenset(one for one in content if one.name == name)
        self.repos[target] = self.joined(target, chosen)
        if move:
            self.repos[source] = content - chosen

    def remove(self, name, package):
        content = self.content("repo", name)
        self.repos[name] = frozenset(one for one in content if one.name != package)

    def rename(self, kind, old, new):
        known = self.known(kind)
        content = self.content(kind, old)
        if new in known:
            raise Refused("AlreadyExists")
        known[new] = known.pop(old)
        before, after = f"{kind}:{old}", f"{kind}:{new}"
        if kind == "snapshot":
            self.made_from[new] = self.made_from.pop(old)
        for name, origins in self.made_from.items():
            self.made_from[name] = {after if one == before else one for one in origins}
        for one in self.published.values():
            one.sources = _renamed(one.sources, before, after)
            one.pending = one.pending and _renamed(one.pending, before, after)
        return content

    def drop(self, kind, name, *, force):
        self.listed(kind, name)
        self.check_unused(f"{kind}:{name}", force=force)
        del self.known(kind)[name]
        if kind == "snapshot":
            del self.made_from[name]

    # Mirrors.

    def create_mirror(self, name):
        if name in self.mirrors:
            raise Refused("AlreadyExists")
        self.mirrors[name] = None

    def update_mirror(self, name, upstream):
        self.listed("mirror", name)
        self.mirrors[name] = frozenset(upstream)
        self.catalog |= self.mirrors[name]
        self.trash -= self.mirrors[name]

    # Snapshots.

    def _made(self, name, content, origins):
        if name in self.snapshots:
            raise Refused("AlreadyExists")
        self.snapshots[name] = frozenset(content)
        self.made_from[name] = set(origins)

    def create_snapshot(self, name, kind="", source=""):
        content = self.content(kind, source) if kind else frozenset()
        self._made(name, content, [f"{kind}:{source}"] if kind else [])

    def merge(self, name, sources, policy):
        sets = [self.content("snapshot", source) for source in sources]
        merged = sets[0]
        for right in sets[1:]:
            alike = "group" if policy == "rightmost" else "identity"
            taken = {getattr(one, alike) for one in right}
            merged = frozenset(one for one in merged if getattr(one, alike) not in taken) | right
        if policy == "latest":
            merged = newest(merged)
        self._made(name, merged, [f"snapshot:{source}" for source in sources])

    def pull(self, base, source, name, package, *, remove):
        old, offered = self.content("snapshot", base), self.content("snapshot", source)
        chosen = newest(
            one for one in offered if one.name == package and one.architecture in ("amd64", "all")
        )
        alike = "group" if remove else "identity"
        coming = {getattr(one, alike) for one in chosen}
        kept = {one for one in old if getattr(one, alike) not in coming}
        self._made(name, kept | chosen, [f"snapshot:{base}", f"snapshot:{source}"])

    # Publications.

    def publish(self, key, sources):
        live = self.contents(sources)
        if key in self.published:
            raise Refused("AlreadyExists")
        self.published[key] = Published(dict(sources), live, history=self.dropped.pop(key, {}))

    def update(self, key):
        one = self.publication(key)
        sources = dict(one.sources if one.pending is None else one.pending)
        one.live = self.contents(sources)
        one.sources, one.pending = sources, None

    def revise(self, key, component, source, *, new=False):
        """Change or add a component's source with the next update; remove it without a source."""
        one = self.publication(key)
        before = one.sources if one.pending is None else one.pending
        if new and component in before:  # as after a process that died once it was added
            raise Refused("AlreadyExists")
        sources = dict(before)
        if source:
            sources[component] = source
        elif component not in sources:
            raise Refused("NotFound")
        else:
            del sources[component]
        if not sources:
            raise Refused("InvalidInput")
        pending = None if sources == one.sources else sources
        for new in set((pending or {}).values()) - set(before.values()):
            self.listed(*new.split(":"))
        one.pending = pending

    def switch(self, key, component, source):
        one = self.publication(key)
        self.content(*source.split(":"))
        if component not in one.sources:
            raise Refused("NotFound")
        if one.sources[component].partition(":")[0] != source.partition(":")[0]:
            raise Refused("InvalidInput")
        sources = {**one.sources, component: source}
        live = self.contents(sources)
        if one.pending is not None:
            one.pending = {
                part: source if part == component else old for part, old in one.pending.items()
            }
        one.sources, one.live = sources, live

    def roll_back(self, key, number):
        one = self.publication(key)
        sources, live = one.history[number]
        one.sources = {
            part: source if self.has(source) else one.sources.get(part, source)
            for part, source in sources.items()
        }
        one.live = live

    def unpublish(self, key):
        self.dropped[key] = self.publication(key).history
        del self.published[key]

    # The database.

    def clean(self, remembered, *, trash):
        """Take out what no list holds and no generation, of those that are ``remembered``."""
        live = {
            one
            for known in (self.repos, self.snapshots, self.mirrors)
            for content in known.values()
            for one in content or ()
        }
        for key, numbers in remembered.items():
            past = self.published[key].history if key in self.published else self.dropped[key]
            for number in numbers:
                live |= {one for content in past[number][1].values() for one in content}
        gone = self.catalog - live
        self.catalog &= live
        self.trash = (self.trash - self.aged - self.catalog) | gone if trash else set()
        self.aged = set()
        return gone

    def restore(self, package, repo):
        chosen = frozenset(one for one in self.trash if one.name == package)
        if repo is not None:
            self.content("repo", repo)
        if not chosen:
            raise Refused("NotFound")
        self.trash -= chosen
        self.aged -= chosen
        self.catalog |= chosen
        if repo is not None:
            self.repos[repo] = self.joined(repo, chosen)


def newest(items):
    """Return the newest version of each name and architecture."""
    found = {}
    for one in items:
        best = found.get(one.group)
        if best is None or sort_key(best.version) < sort_key(one.version):
            found[one.group] = one
    return frozenset(found.values())


def _renamed(sources, old, new):
    return {part: new if source == old else source for part, source in sources.items()}
