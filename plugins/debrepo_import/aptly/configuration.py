"""The configuration of aptly, and what debrepo's has in its place."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from debrepo.errors import InvalidInput, NotFound
from debrepo_import.report import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: A string, or what JSON itself does not know: comments, and commas before a bracket.
_EXTRAS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|#[^\n]*|/\*.*?\*/|,(?=\s*[\]}])', re.DOTALL)


class AptlyConfiguration(NamedTuple):
    """Where aptly keeps what, and its other options, by their names in JSON in lower case."""

    database: Path
    url: str  #: of an etcd; empty: the database is a LevelDB
    pool: Path
    options: Mapping[str, Any]


def found(root: Path | None, path: Path | None) -> tuple[Path, Path | None]:
    """Return the directory of an aptly and its configuration, of which one may be unknown.

    The configuration is then the first of those that aptly looks for, if it has this directory.
    """
    if path is not None:
        named = _root(_normal(_read(path)))
        return (root or named).absolute(), path
    usual = [
        Path.home() / ".aptly.conf",
        Path("/usr/local/etc/aptly.conf"),
        Path("/etc/aptly.conf"),
    ]
    first = next((one for one in usual if os.access(one, os.R_OK)), None)
    named = _root(_normal(_read(first))) if first else Path.home() / ".aptly"
    if root is None:
        return named.absolute(), first
    return root.absolute(), first if named.absolute() == root.absolute() else None


def _root(options: Mapping[str, Any]) -> Path:
    given = options.get("rootdir")
    named = given if isinstance(given, str) and given else "~/.aptly"
    return Path(named.replace("~", str(Path.home()), 1))


def load(root: Path, path: Path | None) -> AptlyConfiguration:
    """Return the configuration of the aptly whose root is ``root``."""
    options = _normal(_read(path)) if path else {}
    backend = options.get("databasebackend") or {}
    backend = _normal(backend) if isinstance(backend, dict) else {}
    kind = backend.get("type") or "leveldb"
    if kind not in ("leveldb", "etcd"):
        raise InvalidInput(f"{path}: no database of the type {str(kind)[:40]!r} is known")
    database = Path(backend.get("dbpath") or root / "db") if kind == "leveldb" else root / "db"
    storage = _normal(options.get("packagepoolstorage") or {})
    if storage.get("type", "local") not in ("local", ""):
        raise InvalidInput(
            f"{path}: the pool is in {storage['type']}",
            hint="copy it to a directory first, and name that in packagePoolStorage",
        )
    url = str(backend.get("url") or "127.0.0.1:2379") if kind == "etcd" else ""
    return AptlyConfiguration(database, url, Path(storage.get("path") or root / "pool"), options)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from None
    plain = _EXTRAS.sub(lambda match: match[1] or "", text)
    try:
        found = json.loads(plain)
    except (ValueError, RecursionError) as error:
        found = _yaml(text, path, error)
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} is no configuration of aptly")
    return found


def _yaml(text: str, path: Path, error: Exception) -> Any:
    try:
        import yaml
    except ImportError:
        raise InvalidInput(
            f"{path} is not JSON: {error}",
            hint="if it is YAML, run \"pip install 'debrepo-manager[import]'\"",
        ) from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise InvalidInput(f"{path} is neither JSON nor YAML") from None


def _normal(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by one spelling: JSON has ``rootDir``, YAML ``root_dir``."""
    return {str(name).replace("_", "").lower(): value for name, value in given.items()}


def translated(
    configuration: AptlyConfiguration,
) -> tuple[dict[str, Any], list[Remark]]:
    """Return debrepo's settings by name, and what has no counterpart."""
    found: dict[str, Any] = {}
    remarks: list[Remark] = []
    options = configuration.options
    for name, value in options.items():
        if name in _SETTINGS:
            setting, convert = _SETTINGS[name]
            wanted = convert(value)
            if wanted not in (None, "", [], False):
                found[setting] = wanted
        elif value and name.removesuffix("endpoints") not in _ENDPOINTS and name not in _ELSEWHERE:
            remarks.append(Remark("unsupported", f"configuration {name}", "it has no counterpart"))
    follow = sorted({word for name, word in _FOLLOW.items() if options.get(name) is True})
    if follow:
        found["dependencies.follow"] = follow
    for name, endpoints in options.items():
        kind = name.removesuffix("endpoints")
        if kind in _ENDPOINTS and isinstance(endpoints, dict):
            for endpoint, given in endpoints.items():
                _endpoint(kind, str(endpoint), _normal(given or {}), found, remarks)
    home = Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
    if home.is_dir():
        found["signing.gpg.home"] = str(home)
    return found, remarks


def _endpoint(
    kind: str,
    name: str,
    given: Mapping[str, Any],
    found: dict[str, Any],
    remarks: list[Remark],
) -> None:
    scheme, fields = _ENDPOINTS[kind]
    if not scheme:
        subject = f"endpoint {name} ({kind.removesuffix('publish')})"
        remarks.append(Remark("unsupported", subject, "no plugin publishes there"))
        return
    for field, value in given.items():
        if field in fields:
            setting = fields[field]
            if setting and value not in ("", None, False, []):
                found[f"storage.{scheme}.{name}.{setting}"] = _converted(setting, value)
        elif value:
            subject = f"endpoint {name}"
            remarks.append(Remark("unsupported", subject, f"{field} has no counterpart"))


def _converted(setting: str, value: Any) -> Any:
    if setting == "link":
        return str(value).lower()
    if setting == "multi_delete":
        return not value
    if setting == "addressing":
        return "virtual"
    return value


_FILES = {"rootdir": "root", "linkmethod": "link", "verifymethod": ""}
_S3 = {
    "region": "region", "bucket": "bucket", "prefix": "prefix", "acl": "acl",
    "awsaccesskeyid": "access_key_id", "accesskeyid": "access_key_id",
    "awssecretaccesskey": "secret_access_key", "secretaccesskey": "secret_access_key",
    "awssessiontoken": "session_token", "sessiontoken": "session_token",
    "endpoint": "endpoint", "storageclass": "storage_class", "encryptionmethod": "encryption",
    "plusworkaround": "plus_workaround", "disablemultidel": "multi_delete",
    "forcevirtualhostedstyle": "addressing", "debug": "debug", "forcesigv2": "",
}  # fmt: skip
#: Of aptly's endpoints, in lower case: debrepo's scheme, and its settings.
_ENDPOINTS: dict[str, tuple[str, dict[str, str]]] = {
    "filesystempublish": ("fs", _FILES),
    "s3publish": ("s3", _S3),
    "swiftpublish": ("", {}),
    "azurepublish": ("", {}),
    "gcspublish": ("", {}),
    "jfrogpublish": ("", {}),
}


def _same(value: Any) -> Any:
    return value


def _attempts(value: Any) -> Any:
    return value + 1 if isinstance(value, int) and value > 0 else None


def _names(value: Any) -> Any:
    return list(value) if isinstance(value, list) else None


_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "architectures": ("architectures", _names),
    "downloadconcurrency": ("mirror.connections", lambda value: value if value != 4 else None),
    "downloadspeedlimit": ("mirror.download_limit", lambda value: value or None),
    "downloadlimit": ("mirror.download_limit", lambda value: value or None),
    "downloadretries": ("mirror.max_tries", _attempts),
    "downloadsourcepackages": ("mirror.sources", _same),
    "gpgdisableverify": ("mirror.ignore_signatures", _same),
    "gpgdisablesign": ("publish.skip_signing", _same),
    "gpgkeys": ("signing.gpg.keys", _names),
    "skipcontentspublishing": ("publish.skip_contents", _same),
    "ppadistributorid": ("mirror.ppa_distributor", lambda v: v if v != "ubuntu" else None),
    "ppacodename": ("mirror.ppa_codename", _same),
    "ppabaseurl": ("mirror.ppa_base_url", _same),
}
_FOLLOW = {
    "depfollowsuggests": "suggests",
    "depfollowrecommends": "recommends",
    "depfollowsource": "source",
    "depfollowallvariants": "all-variants",
    "dependencyfollowsuggests": "suggests",
    "dependencyfollowrecommends": "recommends",
    "dependencyfollowsource": "source",
    "dependencyfollowallvariants": "all-variants",
}
#: Options that are read elsewhere, that are about the program, or whose default is the only way.
_ELSEWHERE = frozenset(
    [
        *_FOLLOW, "rootdir", "databasebackend", "packagepoolstorage", "loglevel", "logformat",
        "databaseopenattempts", "skiplegacypool", "dependencyverboseresolve", "depverboseresolve",
        "serveinapimode", "enablemetricsendpoint", "enableswaggerendpoint", "asyncapi",
        "downloader", "gpgprovider", "skipbz2publishing",
    ]
)  # fmt: skip
