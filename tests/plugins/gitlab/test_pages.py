"""Pages: they show what a plain list would, and cost their rows however long it is."""

import random

import pytest

from debrepo.database.tables import TableView
from debrepo.version import sort_key
from debrepo_gitlab import containers, packages, tokens
from debrepo_gitlab.containers import CONTAINERS
from debrepo_gitlab.listings import LISTINGS, Listing, Refreshment, Row, _apply

API = "/api/v4"
NAMES = ("lib", "lib-app", "LibUpper", "tool", "tool1", "a", "0ad", "x" * 130)
VERSIONS = ("1.0", "1.0-0", "0:1.0", "1~1", "2", "1" * 9, "1" * 10, "1" * 11, "1.0+" + "0" * 130)
ORDERS = {
    "created_at": lambda row: (row.created, row.version[:120], row.name[:120]),
    "name": lambda row: (row.name[:120], sort_key(row.version)[:120], row.created),
    "version": lambda row: (sort_key(row.version)[:120], row.version[:120], row.name[:120]),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")
    monkeypatch.setattr("debrepo_gitlab.sequences._BITS", 2)


@pytest.fixture
def replace(session):
    """Replace packages in the list of a project, as a change of its repositories does."""

    def do(project, gone, new):
        with session.db.write() as txn:
            found = containers.get(txn, f"project:{project}")
            before = txn[LISTINGS].get(str(project), Listing())
            change = Refreshment(before, {}, tuple(gone), tuple(new), anew=False, mark=None)
            assert _apply(txn, found, change)

    return do


def row(project, name, version, created):
    return Row(packages.number(project, name, version), project, name, version, created, ())


class World:
    """Projects and packages that come, go and move, and what callers may see of them."""

    def __init__(self, session, replace, seed):
        self.session = session
        self.replace = replace
        self.chance = random.Random(seed)
        self.rows = {}
        self.secrets = {"anonymous": ""}
        for path in ("acme", "acme/sub", "other"):
            session.call("project.create", path=path, kind="group")
        for number in range(1, 7):
            where = self.chance.choice(["acme", "acme", "acme/sub", "other"])
            session.call("project.create", path=f"{where}/p{number}")
            self.rows[number] = []
        for user in ("ann", "bob"):
            secret = session.call("project.token.create", name=f"of {user}", owner=user)
            self.secrets[user] = secret
        for path in ("acme", "other"):
            self.member(path, "ann", "owner", kind="group")
        session.call("project.edit", path="acme", kind="group", visibility="public")

    def member(self, path, user, role, **more):
        self.session.call("project.member", path=path, user=user, role=role, **more)

    def step(self):
        """Do something."""
        number = self.chance.choice(list(self.rows))
        act = self.chance.choice([self.change] * 4 + [self.move, self.show, self.join])
        act(number)

    def change(self, number):
        there = self.rows[number]
        gone = self.chance.sample(there, self.chance.randrange(len(there) + 1) // 2)
        chosen = {
            (self.chance.choice(NAMES), self.chance.choice(VERSIONS))
            for _ in range(self.chance.randrange(30))
        }
        taken = {(one.name, one.version) for one in there}
        new = [row(number, *one, float(self.chance.randrange(50))) for one in chosen - taken]
        self.replace(number, gone, new)
        self.rows[number] = [one for one in there if one not in gone] + new

    def move(self, number):
        where = self.chance.choice(["acme", "acme/sub", "other"])
        if self.chance.random() < 0.3:
            name = self.chance.choice(["sub", "Sub2"])
            with self.session.db.read() as txn:
                old = next(c.path for c in containers.list_(txn, "group") if c.id == 2)
            self.session.call("project.edit", path=old, kind="group", new_path=f"acme/{name}")
            return
        with self.session.db.read() as txn:
            wanted = [c.path for c in containers.list_(txn, "group") if c.path.startswith(where)]
        if wanted:
            path = f"{self.chance.choice(wanted)}/p{number}"
            self.session.call("project.edit", path=str(number), new_path=path)

    def show(self, number):
        level = self.chance.choice(containers.VISIBILITIES)
        self.session.call("project.edit", path=str(number), visibility=level)

    def join(self, number):
        self.member(str(number), "bob", self.chance.choice(["", "guest", *containers.ROLES]))

    def permits(self, txn, who, action, one, *, granted=False):
        caller = tokens.identify(txn, self.secrets[who]) if self.secrets[who] else None
        if not granted and action in ("see", "read"):
            everybody = one.scope(action) in containers.open_grants(one, anonymous=caller is None)
            if everybody:
                return True
        return caller is not None and caller.may(one.scope(action))

    def packages(self, who, asked, group):
        """Return the numbers of the packages on a page, and how many there are in all."""
        with self.session.db.read() as txn:
            every = [txn[CONTAINERS][f"project:{number}"] for number in self.rows]
            there = [p for p in every if self.permits(txn, who, "read", p)]
        below = [p for p in there if p.path.startswith(f"{group}/")]
        if asked.get("exclude_subgroups"):
            below = [p for p in below if "/" not in p.path.removeprefix(f"{group}/")]
        order, down = asked["order_by"], asked["sort"] == "desc"
        if order == "project_path":
            below.sort(key=lambda one: one.path, reverse=down)
            rows = [one for p in below for one in sorted(self.rows[p.id], key=_by("name"))]
        else:
            rows = [one for p in below for one in self.rows[p.id]]
            rows.sort(key=_by(order), reverse=down)
        part, version = asked["package_name"].lower(), asked["package_version"]
        rows = [one for one in rows if part in one.name.lower()]
        rows = [one for one in rows if version in ("", one.version)]
        return _page([one.id for one in rows], asked)

    def projects(self, who, asked, kind, below=""):
        """Return the numbers of the projects on a page, and how many there are in all."""
        with self.session.db.read() as txn:
            found = [
                one
                for one in containers.list_(txn, kind)
                if self.permits(txn, who, "see", one)
                and asked["visibility"] in ("", one.visibility)
                and asked["search"].lower() in one.path.rpartition("/")[2].lower()
                and one.path.startswith(below)
                and (not below or "/" not in one.path.removeprefix(below))
                and (not asked["owned"] or self.permits(txn, who, "own", one, granted=True))
            ]
        keys = {
            "id": lambda one: one.id,
            "name": lambda one: (one.path.rpartition("/")[2].lower(), one.id),
            "created_at": lambda one: (one.created, one.id),
        }
        found.sort(key=keys[asked["order_by"]], reverse=asked["sort"] == "desc")
        return _page([one.id for one in found], asked)


def _by(order):
    return lambda one: (*ORDERS[order](one), one.created, one.version[:120], one.id)


def _page(rows, asked):
    start = (int(asked["page"]) - 1) * int(asked["per_page"])
    return rows[start : start + int(asked["per_page"])], len(rows)


def _ask(client, url, who, secrets, asked):
    answer = client.get(url, params=asked, headers={"PRIVATE-TOKEN": secrets[who]})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()], int(answer.headers["x-total"])


@pytest.mark.parametrize("seed", range(4))
def test_pages_are_those_of_a_plain_list(guarded, session, replace, seed):
    world = World(session, replace, seed)
    chance = world.chance
    for _ in range(25):
        world.step()
        for _ in range(8):
            asked = {
                "sort": chance.choice(["asc", "desc"]),
                "page": str(chance.randrange(1, 5)),
                "per_page": chance.choice(["1", "4", "20", "100"]),
            }
            who = chance.choice(["ann", "ann", "bob", "anonymous"])
            of_packages = {
                "order_by": chance.choice([*ORDERS, "project_path"]),
                "package_name": chance.choice(["", "", "LIB", "o", "x" * 125, "none", "1"]),
                "package_version": chance.choice(["", "", *VERSIONS, "3"]),
                "exclude_subgroups": chance.choice(["", "true"]),
                **asked,
            }
            found = _ask(guarded, f"{API}/groups/1/packages", who, world.secrets, of_packages)
            assert found == world.packages(who, of_packages, "acme"), (who, of_packages)
            of_projects = {
                "order_by": chance.choice(["id", "name", "created_at"]),
                "search": chance.choice(["", "", "P", "s", "3"]),
                "visibility": chance.choice(["", *containers.VISIBILITIES]),
                "owned": chance.choice(["", "true"]),
                **asked,
            }
            for path, *where in (
                ("projects", "project"),
                ("groups/1/projects", "project", "acme/"),
                ("groups/1/subgroups", "group", "acme/"),
            ):
                if where[0] == "group" and of_projects["order_by"] == "created_at":
                    continue
                found = _ask(guarded, f"{API}/{path}", who, world.secrets, of_projects)
                assert found == world.projects(who, of_projects, *where), (path, who, of_projects)


def test_lists_show_sources_whose_field_has_several_lines(client, session, replace):
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    sources = [("a\n b", "1.0"), ("a", "1.0\n 2"), ("a\x0b", "1\x1f"), ("b", "1.0")]
    rows = [row(1, *one, 0.0) for one in sources]
    replace(1, (), rows)
    for order in (*ORDERS, "project_path"):
        found = client.get(f"{API}/groups/1/packages?order_by={order}").json()
        assert {(one["name"], one["version"]) for one in found} == set(sources)
    (found,) = client.get(f"{API}/projects/1/packages?package_version=1.0%0a%202").json()
    assert found["name"] == "a"
    replace(1, rows[:3], ())
    (found,) = client.get(f"{API}/groups/1/packages").json()
    assert found["name"] == "b"


def test_version_ends_at_no_part_of_a_key(client, replace):
    replace(1, (), [row(1, "lib", "1.0", 0.0)])
    for version, wanted in (("1.0", "1"), ("1.0%00", "0"), (f"1.0%00{0:020.6f}", "0")):
        answer = client.get(f"{API}/projects/1/packages?package_version={version}")
        assert answer.headers["x-total"] == wanted


@pytest.fixture
def reads(monkeypatch):
    """The keys that were read, by table."""
    found = {}
    get, getitem, items = TableView.get, TableView.__getitem__, TableView._items
    many = TableView.get_many

    def note(view, key):
        found.setdefault(view.table.name, []).append(key)

    def counting_get(self, key, default=None):
        note(self, key)
        return get(self, key, default)

    def counting_getitem(self, key):
        note(self, key)
        return getitem(self, key)

    def counting_many(self, keys):
        keys = list(keys)
        for key in keys:
            note(self, key)
        return many(self, keys)

    def counting_items(self, *how, **more):
        for item in items(self, *how, **more):
            note(self, item[0])
            yield item

    monkeypatch.setattr(TableView, "get", counting_get)
    monkeypatch.setattr(TableView, "__getitem__", counting_getitem)
    monkeypatch.setattr(TableView, "get_many", counting_many)
    monkeypatch.setattr(TableView, "_items", counting_items)
    return found


def stop_and_start(client):
    """Have a server remember nothing."""
    if hasattr(client.app.state, "gitlab"):
        del client.app.state.gitlab


@pytest.mark.parametrize("where", ["projects/1", "groups/1"])
@pytest.mark.parametrize("query", ["", "package_version=1.0", "package_name=lib"])
def test_page_reads_its_rows_in_a_list_of_any_size(
    client, session, replace, reads, monkeypatch, where, query
):
    monkeypatch.setattr("debrepo_gitlab.sequences._BITS", 6)
    session.call("project.member", path="acme", kind="group", user="maintainer", role="maintainer")
    most = []
    size = 0
    for more in (300, 4000):
        replace(1, (), [row(1, f"lib{size + n:05}", "1.0", float(size + n)) for n in range(more)])
        size += more
        costs = []
        for order in ORDERS:
            for page in (1, size // 40, size // 20 - 1):
                for state in ("started", "running", "after a change"):
                    if state == "started":
                        stop_and_start(client)
                    if state == "after a change":
                        replace(1, (), [row(1, f"lib{90_000 + size}", "1.0", 0.5)])
                        size += 1
                    reads.clear()
                    url = f"{API}/{where}/packages?order_by={order}&page={page}&{query}"
                    answer = client.get(url)
                    assert len(answer.json()) == 20
                    assert answer.headers["x-total"] == str(size)
                    assert len(reads["gitlab.listed"]) == 20
                    blocks = len(reads.pop("gitlab.listed_orders"))
                    costs.append((blocks, sum(map(len, reads.values()))))
        most.append([max(one) for one in zip(*costs, strict=True)])
    (few, little), (many, much) = most
    assert much <= little
    if "name" not in query:  # which looks through the names of all, some sixty in a read
        assert many <= few + 12


def test_page_of_projects_reads_its_rows_among_any_number(guarded, session, secret, reads):
    for number in range(100):
        session.call("project.create", path=f"p{number}", visibility="public")
    token = secret("reporter")
    for who in (token, ""):
        for query in ("", "order_by=name&page=3", "search=p&sort=asc", "visibility=public"):
            reads.clear()
            url = f"{API}/projects?per_page=5&{query}"
            assert len(guarded.get(url, headers={"PRIVATE-TOKEN": who}).json()) == 5
            read = [key for key in reads["gitlab.containers"] if key.startswith("project:")]
            assert len(set(read)) <= 5 + 1  # and what the caller is a member of
