"""What people upload: a .changes that lists files."""

import hashlib

FIELDS = {"Files": "md5", "Checksums-Sha1": "sha1", "Checksums-Sha256": "sha256"}


def changes(directory, *files, name="hello.changes", **fields):
    """Write a .changes for files."""
    said = {
        "Format": "1.8",
        "Source": "hello",
        "Binary": "hello",
        "Architecture": "source amd64",
        "Version": "1.0-1",
        "Distribution": "unstable",
        **fields,
    }
    lines = [f"{field}: {value}" for field, value in said.items()]
    for field, algorithm in FIELDS.items():
        lines.append(f"{field}:")
        for file in files:
            data = file.read_bytes()
            extra = "misc optional " if field == "Files" else ""
            digest = hashlib.new(algorithm, data).hexdigest()
            lines.append(f" {digest} {len(data)} {extra}{file.name}")
    path = directory / name
    path.write_text("\n".join(lines) + "\n")
    return path
