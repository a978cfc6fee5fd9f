"""The upload area: files that clients have sent, on their way into repositories."""

from pathlib import Path

from debrepo.errors import InvalidInput

_LONGEST = 255  # bytes of a file name


def upload_path(root: Path, directory: str, name: str = "") -> Path:
    """Return the place of an uploaded file, or of a directory of them.

    Raise `InvalidInput` for what would lie elsewhere; a directory may be nested.
    """
    parts = [part for part in directory.split("/") if part]
    for part in [*parts, *([name] if name else [])]:
        if part.startswith(".") or not part.isprintable() or "/" in part:
            raise InvalidInput(
                f"not a place to upload to: {part[:80]!r}",
                hint="names start with a letter or a digit, and hold no slash",
            )
        if len(part.encode(errors="replace")) > _LONGEST:
            raise InvalidInput(f"the name {part[:40]}… is too long: {_LONGEST} bytes at most")
    if not parts:
        raise InvalidInput("the upload needs a directory", hint="POST /api/files/DIRECTORY")
    return root.joinpath("upload", *parts, *([name] if name else []))
