"""A client: it starts at InRelease, and believes only what sums say."""

import gzip
import hashlib
import re

from plugins.publish.signers import signed_text


class Broken(AssertionError):
    """A client would have failed."""


class Client:
    """An apt that fetches everything there is, by hash."""

    def __init__(self, public, distribution="stable", text_of=signed_text):
        self.public = public
        self.text_of = text_of
        self.dists = public / "dists" / distribution

    def inrelease(self):
        """Return the file that it starts from, or ``None``."""
        try:
            return (self.dists / "InRelease").read_bytes()
        except FileNotFoundError:
            return None

    def packages(self, inrelease=None):
        """Return what can be installed: all of it was fetched, and has the sums it should."""
        inrelease = inrelease or self.inrelease()
        if inrelease is None:
            return None
        text = self.text_of(inrelease).decode()
        rows = re.findall(r"^ ([0-9a-f]{64}) +(\d+) (\S+)$", text, re.MULTILINE)
        found = set()
        for digest, size, path in rows:
            if path.endswith(("Packages.gz", "Sources.gz")):
                directory = path.rpartition("/")[0]
                data = self.file(self.dists / directory / "by-hash/SHA256" / digest, digest, size)
                found |= self.members(gzip.decompress(data).decode())
            elif path.endswith(".gz"):
                directory = path.rpartition("/")[0]
                self.file(self.dists / directory / "by-hash/SHA256" / digest, digest, size)
        return found

    def members(self, text):
        found = set()
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^(\S+): ?(.*(?:\n .*)*)", stanza, re.MULTILINE))
            if "Filename" in fields:
                path = self.public / fields["Filename"]
                self.file(path, fields["SHA256"], fields["Size"])
                found.add((fields["Package"], fields["Version"], fields["Architecture"]))
            elif "Directory" in fields:
                for row in fields["Checksums-Sha256"].strip().split("\n"):
                    digest, size, name = row.split()
                    self.file(self.public / fields["Directory"] / name, digest, size)
                found.add((fields["Package"], fields["Version"], "source"))
        return found

    def file(self, path, digest, size):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise Broken(f"{path} is not there") from None
        if len(data) != int(size) or hashlib.sha256(data).hexdigest() != digest:
            raise Broken(f"{path} is not what it should be")
        return data

    def check_names(self):
        """Fail unless every plain name leads to what Release says, for older clients."""
        text = self.text_of(self.inrelease()).decode()
        for digest, size, path in re.findall(r"^ ([0-9a-f]{64}) +(\d+) (\S+)$", text, re.M):
            if (self.dists / path).exists() or path.endswith((".gz", "Release")):
                self.file(self.dists / path, digest, size)
        assert (self.dists / "Release").read_text() == text
