"""The commands of the guides run, in the order in which a page has them."""

import json
import re
import shlex
from glob import glob
from pathlib import Path

import pytest

from debrepo.testing.packages import build_deb

GUIDE = Path(__file__).parents[1] / "docs/guide"

#: Pages whose commands need what a test has not, and what that is.
NEEDS = {
    "cluster.md": "a PostgreSQL server; tests/end_to_end has a cluster",
    "gitlab.md": "a server with TLS; tests/plugins/gitlab has each command",
    "mirrors.md": "archives of others; tests/plugins/mirror has each command",
    "moving.md": "an archive of aptly; tests/plugins/import has each command",
    "s3.md": "a bucket; tests/plugins/publish_s3 has each command",
    "server.md": "a server that goes on; tests/plugins/server has each command",
    "uploads.md": "signed uploads and a server; tests/plugins/local has each command",
    "backup.md": "a second root; tests/plugins/admin has each command",
    "object-stores.md": "an environment of its own; contrib/debrepo-publish-template has tests",
}
#: Programs of others that a test does not run, and why.
OTHERS = {
    "curl": "it needs a server",
    "pip": "it installs packages from the network",
    "man": "it needs a terminal",
    "gpg": "it would read the keyring of the user",
}
#: What stands before a block that no test can run, with the reason.
LEFT_OUT_BLOCK = r"<!-- left out: [^\n]+ -->\n"
#: Commands that a test cannot run, by how they begin, and why.
LEFT_OUT = {
    "debrepo publish verify bookworm --url": "it needs a web server",
    "debrepo graph --output graph.svg": "it needs Graphviz",
    "debrepo --root /srv/new db import": "it needs a root of its own; tests/plugins/care has it",
    "debrepo key rotate next": "it waits for a week",
}
PAGES = sorted(page.name for page in GUIDE.glob("*.md") if page.name not in NEEDS)


def commands(page):
    """Return the commands of a page, one after the other."""
    text = (GUIDE / page).read_text()
    blocks = re.findall(rf"({LEFT_OUT_BLOCK})?```(sh|console|text)\n(.*?)```", text, re.DOTALL)
    found = []
    for left_out, kind, block in blocks:
        if left_out:
            continue
        lines = block.replace("\\\n", " ").splitlines()
        if kind == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        if kind == "text":  # may be anything: a table for cron, what a command says
            lines = [line for line in lines if line.split(" ")[0] in ("debrepo", *OTHERS)]
        found += [line.strip() for line in lines if line.strip()]
    return found


def named(debrepo, word):
    """Return what a word in capitals stands for, or the word."""
    if word == "ID":
        return json.loads(debrepo("notify", "list", "--json").stdout)[0]["id"]
    if word in ("KEY", "OLD", "NEW"):
        keys = json.loads(debrepo("key", "list", "--json").stdout)
        return keys[-1 if word == "NEW" else 0]["fingerprint"]
    return word


def run(debrepo, home, line):
    """Run a command of a guide: as much of a shell as these need, with debrepo in this process."""
    words, target = [], None
    for word in shlex.split(line, comments=True):
        text = re.sub(r"^(>?)~/", rf"\1{home}/", word)
        if target == "":
            target = text
        elif text.startswith(">"):
            target = text.removeprefix(">")
        else:
            words += sorted(glob(text)) or [named(debrepo, text)]
    program, *given = words
    if program == "export":
        return
    assert program == "debrepo", f"{program} is neither run nor left out"
    result = debrepo(*given)
    if target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).write_bytes(result.stdout_bytes)


def configure(directory, text):
    (directory / "root").mkdir()
    (directory / "root/debrepo.toml").write_text(text)


def packages(directory, *names):
    (directory / "build").mkdir(exist_ok=True)
    fields = {"Section": "web"}
    return [build_deb(directory / "build", *name.split("_"), fields=fields) for name in names]


def a_publication(debrepo, directory, repo, *words, names=("hello_1.0",)):
    debrepo("repo", "create", repo)
    debrepo("repo", "add", repo, *packages(directory, *names))
    if words:
        debrepo("publish", "repo", repo, *words)


def for_ci(debrepo, directory):
    packages(directory, "hello_1.0")


def for_indexes(debrepo, directory):
    debrepo("key", "create", "--name", "Example archive")
    a_publication(debrepo, directory, "tools", "--distribution", "bookworm")
    symbols = build_deb(directory / "build", "hello-dbgsym", fields={"Section": "debug"})
    debrepo("repo", "add", "tools", symbols)
    (directory / "override.bookworm.main").write_text("hello optional net\n")
    (directory / "override.bookworm.main.src").write_text("hello net\n")


def for_notifications(debrepo, directory):
    configure(directory, '[notify.to.ci]\ncommand = ["true"]\n')
    debrepo("repo", "create", "web")


def for_packages(debrepo, directory):
    names = ("nginx_1.22.1-9", "libc6_2.36")
    a_publication(debrepo, directory, "stable", names=names)
    debrepo("repo", "create", "production")
    (directory / "wanted.query").write_text("nginx\n")
    debrepo("snapshot", "create", "monday", "from", "repo", "stable")
    debrepo("snapshot", "create", "production", "empty")
    debrepo("snapshot", "create", "stable", "from", "repo", "stable")
    debrepo("snapshot", "create", "tuesday", "from", "repo", "stable")


def for_retention(debrepo, directory):
    a_publication(debrepo, directory, "tools", names=("hello_1.0", "hello_2.0"))
    debrepo("snapshot", "create", "release-12", "from", "repo", "tools")


def for_rules(debrepo, directory):
    configure(directory, '[policy.production]\nrepo = ["production"]\nnames = ["*"]\n')
    a_publication(debrepo, directory, "production")
    (directory / "incoming").mkdir()
    build_deb(directory / "incoming")


def for_shell(debrepo, directory):
    (directory / "nightly.txt").write_text("repo list\n")
    a_publication(debrepo, directory, "tools")


def for_signing(debrepo, directory):
    configure(directory, '[keyring]\nname = "example"\nrepo = "tools"\n')
    made = debrepo("key", "create", "--name", "Prepared").stdout.split()[-1].rstrip(".")
    with (directory / "root/debrepo.toml").open("a") as file:
        file.write(f'[signing.gpg]\nkeys = ["{made}"]\n')
    a_publication(debrepo, directory, "tools", "--distribution", "bookworm")


def for_storages(debrepo, directory):
    configure(directory, f'[storage.fs.web]\nroot = "{directory}/www"\n')
    a_publication(debrepo, directory, "tools")
    debrepo("key", "create", "--name", "Example archive")


def for_upkeep(debrepo, directory):
    words = ("--distribution", "bookworm", "--component", "main,contrib", "--skip-signing")
    debrepo("repo", "create", "contrib")
    a_publication(debrepo, directory, "tools")
    debrepo("publish", "repo", "tools", "contrib", *words)
    debrepo("publish", "update", "bookworm", "--force")
    debrepo("repo", "create", "web-backports")
    debrepo("publish", "repo", "tools", "--distribution", "testing", "--skip-signing")
    debrepo("snapshot", "create", "old", "empty")
    words = ("--distribution", "stable", "--architectures", "amd64", "--skip-signing")
    debrepo("publish", "snapshot", "old", *words)
    debrepo("repo", "create", "rescued")
    (directory / "gone").mkdir()
    gone = [build_deb(directory / "gone", "hello", "2.0"), build_deb(directory / "gone", "other")]
    debrepo("repo", "add", "rescued", *gone)
    debrepo("repo", "remove", "rescued", "hello | other")


def for_history(debrepo, directory):
    a_publication(debrepo, directory, "tools", "--distribution", "bookworm", "--skip-signing")
    debrepo("repo", "add", "tools", *packages(directory, "hello_2.0"))
    debrepo("publish", "update", "bookworm")
    debrepo("repo", "add", "tools", *packages(directory, "more_1.0"))


def for_pool(debrepo, directory):
    far = f'[storage.fs.far]\nroot = "{directory}/far"\n'
    configure(directory, f'[pool]\nstorage = "fs:far:packages"\n\n{far}')
    a_publication(debrepo, directory, "tools")


PREPARE = {
    "ci.md": for_ci,
    "history.md": for_history,
    "indexes.md": for_indexes,
    "notifications.md": for_notifications,
    "packages.md": for_packages,
    "pool.md": for_pool,
    "retention.md": for_retention,
    "rules.md": for_rules,
    "shell.md": for_shell,
    "signing.md": for_signing,
    "storages.md": for_storages,
    "upkeep.md": for_upkeep,
}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_guide_run_in_their_order(page, debrepo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page in PREPARE:
        PREPARE[page](debrepo, tmp_path)
    for line in commands(page):
        if line.split(" ")[0] not in OTHERS and not line.startswith(tuple(LEFT_OUT)):
            run(debrepo, tmp_path, line)


def test_what_is_left_out_is_still_there():
    assert {page for page in NEEDS if not commands(page)} == set()
    lines = [line for page in PAGES for line in commands(page)]
    assert {one for one in LEFT_OUT if not any(line.startswith(one) for line in lines)} == set()
    assert set(OTHERS) - {line.split(" ")[0] for line in lines} == set()
    assert set(PREPARE) - set(PAGES) == set()


def test_pages_that_are_left_out_say_which_tests_have_their_commands():
    named = {path for why in NEEDS.values() for path in re.findall(r"tests/[\w/]+", why)}
    assert {path for path in named if not (GUIDE.parents[1] / path).exists()} == set()
