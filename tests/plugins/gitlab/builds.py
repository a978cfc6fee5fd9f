"""What a job builds: packages, and the .changes that lists them."""

from debrepo.testing.packages import build_deb, build_source, listing, stanza


def build(place, version, architecture, log=b""):
    """Build the source, and the binary package of an architecture, with their .changes."""
    place.mkdir(parents=True)
    (place / "build.log").write_bytes(log)
    build_source(place, "hello", version)
    build_deb(place, "hello", version, architecture)
    files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    lines = listing("md5", files).splitlines()
    rows = [line.split() for line in lines if line.strip()]
    fields = {
        "Format": "1.8",
        "Source": "hello",
        "Version": version,
        "Architecture": f"source {architecture}",
        "Distribution": "sid",
        "Checksums-Sha1": listing("sha1", files),
        "Checksums-Sha256": listing("sha256", files),
        "Files": "".join(f"\n {row[0]} {row[1]} net optional {row[2]}" for row in rows),
    }
    changes = place / f"hello_{version}_{architecture}.changes"
    changes.write_bytes(stanza(fields))
    return [*(place / name for name in files), changes]
