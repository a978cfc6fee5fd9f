"""The files of contrib/cluster and contrib/systemd for nodes say what they have to."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from debrepo.plugins import load_plugins
from debrepo.session import Session

CONTRIB = Path(__file__).parents[1] / "contrib"
CLUSTER = CONTRIB / "cluster"


@pytest.fixture
def compose():
    return yaml.safe_load((CLUSTER / "compose.yaml").read_text())


def test_every_mounted_file_and_volume_is_there(compose):
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            there = (
                (CLUSTER / source).exists() if source[0] == "." else source in compose["volumes"]
            )
            assert there, mount


def test_nodes_wait_for_the_key_and_the_token(compose):
    for name in ("node1", "node2"):
        waits = compose["services"][name]["depends_on"]
        assert waits == {"setup": {"condition": "service_completed_successfully"}}


def test_all_parts_mean_the_same_bucket_and_the_same_secrets(compose):
    node = tomllib.loads((CLUSTER / "node.toml").read_text())["storage"]["s3"]["cluster"]
    identities = json.loads((CLUSTER / "s3.json").read_text())["identities"]
    secret = {
        "accessKey": node["access_key_id"],
        "secretKey": node["secret_access_key"],
    }
    assert secret in [one for each in identities for one in each.get("credentials", ())]
    assert f"Read:{node['bucket']}/debian/*" in identities[0]["actions"]
    setup = compose["services"]["setup"]["command"][-1]
    assert f"--user {secret['accessKey']}:{secret['secretKey']}" in setup
    assert f"{node['endpoint']}/{node['bucket']}" in setup
    server = compose["services"]["postgresql"]["environment"]
    assert compose["services"]["node1"]["environment"]["PGPASSWORD"] == server["POSTGRES_PASSWORD"]


def test_a_node_knows_its_settings(compose, tmp_path, monkeypatch):
    for name, text in compose["services"]["node1"]["environment"].items():
        monkeypatch.setenv(name, text)
    session = Session(tmp_path, load_plugins(), config_path=CLUSTER / "node.toml")
    assert session.config["database.url"] == "postgresql://debrepo@postgresql/debrepo"
    assert session.config["pool.storage"] == "s3:cluster:packages"


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="needs nginx")
def test_nginx_takes_its_configuration(tmp_path):
    text = (CLUSTER / "nginx.conf").read_text()
    text = re.sub(r"(node1|node2|store):(\d+)", r"127.0.0.1:\2", text)
    (tmp_path / "site.conf").write_text(text)
    main = "pid nginx.pid; error_log stderr; events {} http { access_log off; include site.conf; }"
    (tmp_path / "nginx.conf").write_text(main)
    words = ["nginx", "-t", "-q", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr"]
    done = subprocess.run(
        words, env={"PATH": "/usr/sbin:/usr/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_drop_in_fits_the_unit(tmp_path):
    units = CONTRIB.parent / "plugins/debrepo_setup/units"
    text = (units / "debrepo.service").read_text().replace("/usr/bin/debrepo", "/bin/true")
    (tmp_path / "debrepo.service").write_text(text)
    drop_ins = tmp_path / "debrepo.service.d"
    drop_ins.mkdir()
    shutil.copy(CONTRIB / "systemd/debrepo-node.conf", drop_ins / "node.conf")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "debrepo.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "node.conf" not in done.stderr, done.stderr
