"""Archives that other tools write, each below a directory of its own."""

import json
import os
import shutil
import subprocess
import sys

from debrepo.testing.packages import build_deb, build_source


def run(*words, cwd=None, **environment):
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_packages(place):
    """Build binary packages, one for all, one of an installer, and sources."""
    more = {"Section": "misc", "Priority": "optional"}
    build_deb(place, "hello", "1:2.10-3+b1", fields={"Depends": "libgreet", **more})
    build_deb(place, "hello", "1:2.10-3+b1", "arm64", fields=more)
    build_deb(place, "libgreet", "0.9~rc1-1", "all", fields=more)
    build_deb(place, "part", "2.10-3", extension="udeb", fields=more)
    build_source(place, "hello", "1:2.10-3", fields=more)
    return place


EXPECTED = {
    "hello_1:2.10-3+b1_amd64",
    "hello_1:2.10-3+b1_arm64",
    "libgreet_0.9~rc1-1_all",
    "hello_1:2.10-3_source",
    "part_2.10-3_amd64",
}


def by_apt_ftparchive(place, packages, _key):
    pool = place / "pool" / "main"
    shutil.copytree(packages, pool)
    dists = place / "dists" / "stable"
    for architecture in ("amd64", "arm64"):
        directory = dists / "main" / f"binary-{architecture}"
        directory.mkdir(parents=True)
        words = ("apt-ftparchive", "--arch", architecture, "packages", "pool")
        (directory / "Packages").write_text(run(*words, cwd=place))
        run("xz", "--keep", directory / "Packages")
    source = dists / "main" / "source"
    source.mkdir()
    (source / "Sources").write_text(run("apt-ftparchive", "sources", "pool", cwd=place))
    options = {"Components": "main", "Architectures": "amd64 arm64", "Codename": "stable"}
    words = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in options.items()]
    (dists / "Release").write_text(run("apt-ftparchive", *words, "release", dists))
    return place, EXPECTED


def by_reprepro(place, packages, key):
    (place / "conf").mkdir(parents=True)
    (place / "conf" / "distributions").write_text(
        "Codename: stable\nComponents: main\nArchitectures: amd64 arm64 source\n"
        f"UDebComponents: main\nSignWith: {key.fingerprint}\n"
    )
    home = {"GNUPGHOME": key.home}
    for file in sorted(packages.glob("*.deb")):
        run("reprepro", "-b", place, "includedeb", "stable", file, **home)
    for file in packages.glob("*.udeb"):
        run("reprepro", "-b", place, "includeudeb", "stable", file, **home)
    for file in packages.glob("*.dsc"):
        run("reprepro", "-b", place, "includedsc", "stable", file, **home)
    return place, EXPECTED


def by_aptly(place, packages, key):
    place.mkdir()
    config = place / "aptly.conf"
    config.write_text(json.dumps({"rootDir": str(place), "gpgProvider": "gpg"}))
    aptly, home = ("aptly", f"-config={config}"), {"GNUPGHOME": key.home}
    run(*aptly, "repo", "create", "tools", **home)
    run(*aptly, "repo", "add", "tools", packages, **home)
    words = ("-batch", "-distribution=stable", "-architectures=amd64,arm64,source")
    run(*aptly, "publish", "repo", *words, f"-gpg-key={key.fingerprint}", "tools", **home)
    return place / "public", EXPECTED


def by_debrepo(place, packages, key):
    shutil.copytree(key.home, place / "gnupg", ignore=shutil.ignore_patterns("S.*"))
    debrepo = (sys.executable, "-m", "debrepo", "--root", place)
    run(*debrepo, "repo", "create", "tools")
    run(*debrepo, "repo", "add", "tools", packages)
    run(*debrepo, "publish", "repo", "tools", "--distribution", "stable", "--architectures",
        "amd64,arm64,source", "--compressions", "gz,xz,zst")  # fmt: skip
    return place / "public", EXPECTED


WRITERS = {
    "apt-ftparchive": by_apt_ftparchive,
    "reprepro": by_reprepro,
    "aptly": by_aptly,
    "debrepo": by_debrepo,
}
