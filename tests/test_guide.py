"""The guides for authors of plugins: what they quote is there, and what they show runs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from debrepo.errors import NotFound
from debrepo.plugins import load_plugins
from debrepo.testing import ObjectStoreContract

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs/guide"


def blocks(page, language="python"):
    """Return the blocks of a page that are written there, not quoted."""
    text = (GUIDE / page).read_text()
    text = re.sub(r"<!-- \[\[\[cog.*?\[\[\[end\]\]\] -->", "", text, flags=re.DOTALL)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def ran(block):
    """Return the names that a block defines."""
    names = {}
    exec(compile(block, "guide", "exec"), names)
    return names


def test_quotations_are_what_the_source_says():
    command = [sys.executable, "-m", "cogapp", "--check", "-I", "docs", "docs/guide/plugins.md"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, 'run "cog -r -I docs docs/guide/plugins.md"\n' + done.stdout


def test_minimal_plugin_passes_its_test(tmp_path):
    plugin, raising, conftest, test = blocks("plugins.md")
    project = tomllib.loads(blocks("plugins.md", "toml")[0])["project"]
    (tmp_path / "debrepo_homepage.py").write_text(plugin)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_homepage.py").write_text(test)
    installed = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    installed.mkdir()
    rows = [f"{name} = {module}" for name, module in project["entry-points"]["debrepo"].items()]
    (installed / "entry_points.txt").write_text("\n".join(["[debrepo]", *rows]) + "\n")
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    with pytest.raises(NotFound, match="no snapshot called x"):
        exec(raising, {"NotFound": NotFound, "name": "x"})


def test_body_for_a_chat_is_made(monkeypatch):
    (block,) = blocks("notifications.md")
    plugins = load_plugins()
    plugin = ModuleType("chat")
    vars(plugin).update(ran(block))
    plugins.register(plugin, "chat")
    body = json.dumps({"data": {"name": "tools"}})
    assert vars(plugin)["debrepo_notify_body"]("chat", "repo.created", body) == (
        '{"text": "repo.created: tools"}'
    )


def test_contract_of_an_object_store_is_one(monkeypatch):
    (block,) = blocks("object-stores.md")
    storage = ModuleType("debrepo_publish_example.storage")
    vars(storage)["ExampleStorage"] = object
    monkeypatch.setitem(sys.modules, "debrepo_publish_example", ModuleType("example"))
    monkeypatch.setitem(sys.modules, "debrepo_publish_example.storage", storage)
    assert issubclass(ran(block)["TestExampleStorage"], ObjectStoreContract)


def test_invalidation_names_the_paths(monkeypatch):
    (block,) = blocks("s3.md")
    asked = []
    boto3 = ModuleType("boto3")
    client = ModuleType("cloudfront")
    client.create_invalidation = lambda **options: asked.append(options["InvalidationBatch"])
    boto3.client = lambda _: client
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    hook = ran(block)["debrepo_published"]
    hook("./stable", frozenset({"dists/stable/Release"}))
    hook("s3:site:./stable", frozenset({"dists/stable/Release"}))
    assert [batch["Paths"] for batch in asked] == [
        {"Quantity": 1, "Items": ["/dists/stable/Release"]}
    ]


@pytest.mark.parametrize(
    ("reason", "text"), [("", "It is in unstable: hello"), ("no signature", "no signature")]
)
def test_uploader_gets_a_mail(tmp_path, reason, text):
    (block,) = blocks("uploads.md")
    (tmp_path / "mail").write_text("""#!/bin/sh\necho "$*"; cat\n""")
    (tmp_path / "mail").chmod(0o755)
    upload = {"name": "hello_1.0-1_amd64.changes", "repo": "unstable", "packages": ["hello"]}
    upload |= {"reason": reason, "changed_by": "dev@example.org"}
    event = {"type": "upload.refused" if reason else "upload.included", "data": upload}
    done = subprocess.run(
        [sys.executable, "-c", block],
        input=json.dumps(event),
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    )
    subject = f"{upload['name']}: {event['type'].partition('.')[2]}"
    assert done.stdout == f"-s {subject} -- dev@example.org\n{text}"


def test_no_other_page_has_examples_that_nothing_runs():
    elsewhere = {"plugins.md", "notifications.md", "object-stores.md", "s3.md", "uploads.md"}
    assert {page.name for page in GUIDE.glob("*.md") if blocks(page.name)} <= elsewhere
