"""Profiles of the AWS tools: the files below ``~/.aws``, and the variables that name them."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path
from typing import TYPE_CHECKING

from debrepo.errors import InvalidInput, PluginError
from debrepo_publish_s3.signatures import AccessKey

if TYPE_CHECKING:
    from collections.abc import Callable

#: Settings of a profile that the AWS library has to follow: roles, sign-on, other programs.
_FOLLOWED = (
    "role_arn", "source_profile", "credential_source", "credential_process", "sso_session",
    "sso_start_url", "web_identity_token_file", "login_session",
)  # fmt: skip


def region(profile: str = "") -> str:
    """Return the region that the AWS tools are configured for, if any."""
    if not profile:
        for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            if os.environ.get(variable):
                return os.environ[variable]
    return _settings(_name(profile)).get("region", "")


def find(profile: str = "") -> Callable[[], AccessKey] | None:
    """Return what gets the credentials of a profile, or ``None`` where none has any.

    Raise `InvalidInput` for a profile that is asked for by name and not there.
    """
    name = _name(profile)
    settings = _settings(name)
    named = profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if not settings and named:
        raise InvalidInput(
            f"there is no profile {name} in {_place('AWS_CONFIG_FILE', 'config')} or "
            f"{_place('AWS_SHARED_CREDENTIALS_FILE', 'credentials')}",
            hint='run "aws configure list-profiles"',
        )
    if any(field in settings for field in _FOLLOWED):
        return _followed(name)
    if "aws_access_key_id" not in settings:
        return None
    key = AccessKey(
        settings["aws_access_key_id"],
        settings.get("aws_secret_access_key", ""),
        settings.get("aws_session_token", ""),
    )
    return lambda: key


def _followed(name: str) -> Callable[[], AccessKey]:
    """Return what asks the AWS library, which keeps and renews what it finds."""
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError as error:
        raise PluginError(
            f"the profile {name} signs on or assumes a role, which needs boto3: {error}",
            hint="pip install boto3, or apt install python3-boto3",
        ) from error
    session = Session(profile=name)
    try:
        found = session.get_credentials()
    except BotoCoreError as error:
        raise InvalidInput(f"cannot use the profile {name}: {error}") from error

    def key() -> AccessKey:
        if found is None:
            raise InvalidInput(f"the profile {name} has no credentials")
        try:
            frozen = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise InvalidInput(
                f"cannot use the profile {name}: {error}",
                hint=f'run "aws sso login --profile {name}"',
            ) from error
        return AccessKey(frozen.access_key, frozen.secret_key, frozen.token or "", _SOON)

    return key


_SOON = 1.0  # it expired long ago: ask the library each time, which knows


def _name(profile: str) -> str:
    variables = (os.environ.get("AWS_PROFILE"), os.environ.get("AWS_DEFAULT_PROFILE"))
    return profile or next(filter(None, variables), "default")


def _settings(name: str) -> dict[str, str]:
    """Return what both files say of a profile; that of credentials counts more."""
    section = name if name == "default" else f"profile {name}"
    found = _section(_place("AWS_CONFIG_FILE", "config"), section)
    return found | _section(_place("AWS_SHARED_CREDENTIALS_FILE", "credentials"), name)


def _place(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()


def _section(path: Path, name: str) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(path.read_text(), str(path))
    except OSError:
        return {}
    except (Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    return dict(parser[name]) if parser.has_section(name) else {}
