"""Follow what is published as a careful client does, from the signed file to every package."""

from __future__ import annotations

import gzip
import hashlib
from urllib.request import urlopen

from end_to_end.archive import listed, release_fields


def follow(url: str, distribution: str = "stable") -> dict[str, str]:
    """Return the version of every package; fail if anything is missing or another file."""
    root = f"{url}/dists/{distribution}"
    text = _get(f"{root}/InRelease").decode()
    signed = text.split("\n\n", 1)[1].split("-----BEGIN PGP SIGNATURE-----")[0]
    found = {}
    for path, (digest, size) in listed(release_fields(signed)).items():
        directory, _, name = path.rpartition("/")
        if name != "Packages.gz":
            continue
        data = _get(f"{root}/{directory}/by-hash/SHA256/{digest}")
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)
        for stanza in gzip.decompress(data).decode().split("\n\n"):
            fields = release_fields(stanza)
            if not fields:
                continue
            deb = _get(f"{url}/{fields['Filename']}")
            assert hashlib.sha256(deb).hexdigest() == fields["SHA256"]
            found[fields["Package"]] = fields["Version"]
    return found


def _get(url: str) -> bytes:
    with urlopen(url.replace("+", "%2B"), timeout=30) as answer:
        return answer.read()
