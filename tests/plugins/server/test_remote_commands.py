"""Every command through a server: it says what it says where the root is, and does it too."""

import re
import shlex
import shutil
from difflib import unified_diff
from pathlib import Path

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.plugins import entry_points, load_plugins
from debrepo.testing.packages import build_deb, build_source

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")

#: In one go, on a root that is empty at first; what fails has to fail alike.
LINES = """
version
plugin list
plugin list --json
plugin notices
plugin notices --json
plugin retry
plugin give-up --all
config show
config show --json
completion bash
repo list
repo show none
repo create tools --distribution stable --comment 'for us'
repo create tools
repo create 'a/b'
repo create other
repo list --json
repo add tools {place}/debs
repo add tools {place}/debs/hello_1.0_amd64.deb {place}/broken.deb
repo add tools {place}/none.deb
repo add tools {place}/empty
repo add tools {place}/empty --strict
repo include {place}/empty --strict
repo add other {place}/more --remove-files --json
repo show tools
repo show tools --with-packages
repo show tools --json --with-packages
repo edit other --comment changed
repo rename other others
repo search tools 'hello (>= 1.5)'
repo search tools hello --with-deps --why
repo search tools hello --format '{{.Package}} {{.Size}}'
repo search tools 'hello ((('
repo copy tools others libhello
repo move others tools more --dry-run
repo move others tools more
repo import tools others 'hello (= 1.0)'
repo remove others libhello
repo add-keys others 'Pamd64 libhello 1.0 0000000000000000'
repo remove-keys others 'Pamd64 libhello 1.0 0000000000000000'
repo include {place}/none.changes --repo tools
publish raise
publish raise --json
repo documents tools
repo documents tools --source hello --json
repo documents none
repo document tools none.changes
repo override set tools hello Section=net
repo override list tools
repo override list tools --json
repo override drop tools hello
repo override import tools {place}/none
repo list
package changelog hello
package changelog none
package dependents hello
package dependents hello --json
package paths hello
package paths none
package search
package search hello --json
package show hello
package show hello --with-files --with-references
package show none
package lint repo:tools
package lint repo:none
notify list
notify list --json
notify list --failed --target ci
notify show msg_0
notify retry --all
notify drop
notify drop --failed
notify deliver
notify test ci
doctor
doctor --json
storage freeze --why 'this is a copy'
storage thaw
backup create s3:lab
backup list {place}/none
backup check {place}/none
backup prune {place}/none --keep 1
restore {place}/none
key export --secret-to {place}/broken.deb
policy list
policy list --json
policy check {place}/debs/hello_1.0_amd64.deb --repo tools --json
policy check repo:tools
policy check repo:none
repo prune tools --keep 1 --per binary --dry-run
repo prune tools --keep 0
repo prune others
repo retention set others --keep 2 --min-age 14d --except 'hello (= 1.0)'
repo retention set none --keep 2
repo retention list
repo retention list --json
repo retention show others
repo retention show none
repo prune others --json
repo prune --all
repo retention drop others
snapshot create monday from repo tools
snapshot create monday from repo tools
snapshot create empty empty
snapshot create tuesday from repo others --json
snapshot edit tuesday --description 'what others have'
snapshot assemble parts --source tuesday
snapshot list
snapshot list --sort time --json
snapshot show monday --with-packages
snapshot search monday 'Name (~ lib)' --raw
snapshot diff monday tuesday
snapshot diff monday tuesday --json
snapshot merge both monday tuesday
snapshot merge latest monday tuesday --latest
snapshot filter monday few 'Name (= hello)'
snapshot pull tuesday monday pulled libhello --dry-run
snapshot pull tuesday monday pulled libhello
snapshot verify monday
mirror create none ftp://user:secret@127.0.0.1:9/debian stable
mirror create none 'deb [trusted=yes] http://127.0.0.1:9/debian stable main'
mirror create none http://127.0.0.1:9/debian sub/ main
mirror list
mirror list --json
mirror show none
mirror search none
mirror update none
mirror edit none --latest
mirror rename none some
mirror drop none
snapshot create none from mirror none
publish mirror none
snapshot prune --keep 1 --name 'm*' --dry-run
snapshot prune
snapshot edit monday --protected
snapshot drop monday
snapshot edit monday --no-protected
task run repo list --raw, repo show none, repo list
task run --keep-going repo show none, version
task run --filename {place}/none.txt
snapshot rename both all
snapshot drop all
snapshot drop none
key create --name archive
key create --name archive
key list
key show archive
key check
key check --at 2031-01-01
key check --at soon
key export archive
key trusted
key trust {place}/none.asc
key verify {place}/broken.deb
key import {place}/broken.deb
key fetch 0000000000000000000000000000000000000000
key distrust 0000000000000000000000000000000000000000
key extend 0000000000000000000000000000000000000000 --expire 2y
publish repo tools
publish repo tools
publish snapshot monday team --distribution stable --skip-contents --json
publish snapshot none team --distribution none
publish list
publish list --json
publish list --raw
publish sources stable
publish show stable
publish edit stable --protected
publish edit stable --no-protected
promote tools nothing
promote tools nothing --dry-run
publish show stable team --json
publish source list stable team
publish source add --prefix team --component extra stable tuesday
publish source update --prefix team --component extra stable parts
publish source list stable team
publish source remove --prefix team stable --component extra
publish source drop stable team
publish source replace --prefix team --component main stable tuesday
publish diff stable team
publish update stable team --dry-run
publish update stable team --dry-run --markdown
publish update stable team
publish history stable team
publish history stable team --json --limit 1
publish history nothing
publish update stable team --snapshots 3 --suite old --alias old
publish update stable team --alias ""
publish update stable team --alias other
publish update stable team --snapshots banana
publish show stable team --generation 1
publish show stable team --generation 9
publish diff stable team 1
publish diff stable team 1 2 --markdown
publish diff stable team 9
repo remove tools libhello
publish update stable
publish update stable
publish rollback stable --dry-run
publish rollback stable
publish switch stable team tuesday
publish verify stable
publish repair stable --dry-run
publish site --url https://deb.example.org
publish site team --url https://deb.example.org/team --json
publish site
publish site none
publish site --remove
key rotate start none none
key rotate next
key rotate cancel
key rotate show
key package tools --name example
key package tools --name example --json
key package none --name example
publish resign stable --valid-for 10d
publish resign stable --json
publish resign none
publish resign --all
publish resign stable --date-now
publish renew --dry-run
publish renew --json
publish repair stable
snapshot drop tuesday
graph
graph --format mermaid repo:tools
publish drop stable team
publish drop stable team
repo drop tools
repo drop others --force
token create ci --scope read
token create ci --scope read
token create web --role ci --repo dev
token show ci
token show ci --json
token can ci version
token can ci repo.add name=x
token create bad --scope 'no scope'
token list
token list --json
token revoke ci
token revoke ci
project create web --visibility public
project list
project show web
project show none
project edit web --visibility internal
project member web ann developer
project token create builder --project web
project token list
project token revoke builder
distribution create web sid --suite unstable
distribution list web
distribution show web sid
distribution edit web sid --version 1.0
distribution upload web {place}/debs/hello_1.0_amd64.deb --distribution sid --component main
distribution publish web sid
distribution packages web
distribution key web sid
distribution remove web 1
distribution drop web sid
project drop web --force
audit list --limit 3
audit list --limit 20 --json
audit verify
db check
repo create bin
repo add bin {place}/debs/hello_1.0_amd64.deb
repo drop bin --force
db cleanup --dry-run
db cleanup
db trash
db trash --json
db restore
db restore none
db restore --all --repo none
db restore --all --json
db cleanup --no-trash
db stats none
db repair
db repair --deep --dry-run --json
db repair --from {place}/debs
pool move
config create
man {place}/man
""".strip().splitlines()

#: What no two runs have in common.
MASKS = (
    (r'"number": \d+|\d+ records', "NUMBER"),  # a server's own start is one more
    (r'(ROOT/db: |"details": ")\d+\.\d KiB', "SIZE"),  # for which the database may have to grow
    (r"\b[\w-]+@[\w.]+  |\"actor\": .*", "ACTOR"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00| UTC)?", "TIME"),
    (r"\b\d{10}\b", "SECONDS"),
    (r"\b\d+(\.\d+)? ?(ms|s|seconds)\b", "DURATION"),
    (r"\b[0-9A-Fa-f]{12,}\b", "DIGEST"),
    (r"-----BEGIN PGP(.|\n)*?-----END[^\n]*", "KEY"),
    (r"\b[\w-]{30,}\b", "SECRET"),
)


@pytest.fixture
def places(tmp_path):
    """Two directories of the same files, one for either way."""
    for name in ("here", "there"):
        place = tmp_path / name
        (place / "debs").mkdir(parents=True)
        (place / "more").mkdir()
        (place / "empty").mkdir()
        for version in ("1.0", "2.0"):
            build_deb(place / "debs", "hello", version, fields={"Depends": "libhello"})
        build_deb(place / "debs", "libhello")
        build_source(place / "debs", "hello", "1.0")
        build_deb(place / "more", "more")
        (place / "broken.deb").write_text("no package")
    return tmp_path / "here", tmp_path / "there"


def said(place, root, line, *options):
    """Return what a command line comes to, less what no two runs have in common."""
    words = [word.replace("{place}", str(place)) for word in shlex.split(line)]
    done = CliRunner().invoke(build_cli(load_plugins()), [*map(str, options), *words])
    text = f"{done.stdout}\n{done.stderr}".replace(str(place), "PLACE").replace(str(root), "ROOT")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    crashed = done.exception if not isinstance(done.exception, SystemExit) else None
    return f"exit {done.exit_code}, {crashed}\n{text}"


def test_every_command_says_through_a_server_what_it_says_without(
    places, serving, debrepo_root, tmp_path
):
    here, there = places
    root, nowhere, url = tmp_path / "local", tmp_path / "nowhere", serving().url
    differing = []
    for line in LINES:
        local = said(here, root, line, "--root", root)
        remote = said(there, debrepo_root, line, "--root", nowhere, "--server", url)
        if local != remote:
            differing += [f"$ {line}", *unified_diff(local.splitlines(), remote.splitlines())]
    assert not differing, "\n".join(differing)
    assert not nowhere.exists()


def test_no_operation_is_left_out():
    asked = {" ".join(line.split()[:length]) for line in LINES for length in (1, 2, 3)}
    disabled = [name for name, module in entry_points() if not _is_ours(module)]
    batches = load_plugins(disabled).hook.debrepo_operations()
    operations = [one for batch in batches for one in batch]
    assert {one.command for one in operations if not one.local} - asked == set()


def _is_ours(module):
    return (Path(__file__).parents[3] / "plugins" / module.split(".")[0]).is_dir()
