"""The remote session: operations that a server runs for the command line."""

from __future__ import annotations

import http.client
import inspect
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from debrepo import encoding as wire
from debrepo import errors
from debrepo.errors import DebrepoError, InvalidInput, RemoteError
from debrepo.fitting import Misfit, fitter, hints
from debrepo.remote.connections import Silent, connect, silent, timeout
from debrepo.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debrepo.calls import Call

_BLOCK = 1 << 20


class RemoteSession(Session):
    """A session whose operations run on a server, which gets the files that they name first."""

    def __init__(
        self, url: str, root: Path, plugins: Any, environ: Mapping[str, str], **more: Any
    ) -> None:
        super().__init__(root, plugins, **more)
        self._url = url
        self._seconds = timeout(environ.get("DEBREPO_SERVER_TIMEOUT", "60"))
        token = environ.get("DEBREPO_TOKEN", "")
        if not (token.isascii() and token.isprintable()):
            raise InvalidInput("the token holds characters that no token has")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def db(self) -> Any:
        """Nothing: what needs the database itself has to run where it is."""
        raise InvalidInput(
            "this cannot be done through a server", hint="run the command where the root is"
        )

    def _do(self, call: Call) -> Any:
        """Have the server do it."""
        operation, function = call.operation, call.function
        if operation.local:  # it has to do with this machine, not with the root
            return function(self, *call.args, **call.kwargs)
        bound = inspect.signature(function).bind(self, *call.args, **call.kwargs)
        arguments = dict(list(bound.arguments.items())[1:])
        with _Parcel(self, operation.name) as parcel:
            body = {name: wire.encode(value, parcel.send) for name, value in arguments.items()}
            answer = self.ask("POST", f"/api/operations/{operation.name}", {"arguments": body})
            return self._result(answer, parcel, hints(function)["return"])

    def _result(self, answer: Any, parcel: _Parcel, hint: Any) -> Any:
        """Return what an operation returned, and say what it said; it has to be of its type."""
        try:
            notes, iterator = answer["notes"], answer["iterator"]
            warnings = answer.get("warnings", [])  # which older servers say among the notes
            fitter(list[str])([*notes, *warnings])
            fitter(bool)(iterator)
            result = fitter(hint)(wire.decode(answer["result"], parcel.found, hint))
        except (KeyError, TypeError):
            raise self._not_debrepo("its answer has other parts") from None
        except (Misfit, InvalidInput) as error:
            raise self._not_debrepo(str(error)) from None
        for line in notes:
            self.progress.note(_printable(line))
        for line in warnings:
            self.progress.warn(_printable(line))
        return iter(result) if iterator else result

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request, and return what the answer says; raise what it complains of."""
        data = json.dumps(body).encode() if body is not None else b""
        return self.send(method, path, [data], {"Content-Type": "application/json"})

    def send(
        self,
        method: str,
        path: str,
        chunks: list[bytes] | Iterator[bytes],
        headers: Mapping[str, str],
    ) -> Any:
        """Send a request with a body in pieces, and return what the answer says."""
        connection = connect(self._url, self._seconds)
        length = {"Content-Length": str(len(chunks[0]))} if isinstance(chunks, list) else {}
        try:
            connection.request(
                method,
                path,
                iter(chunks),
                {**self._headers, **headers, **length},
                encode_chunked=not length,
            )
            with connection.getresponse() as response:
                text = b"".join(iter(lambda: response.read(_BLOCK), b""))
                if response.length:
                    raise http.client.IncompleteRead(text, response.length)
        except TimeoutError:
            raise silent(self._url, self._seconds) from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            said = " ".join(_printable(error).split())[:200] or type(error).__name__
            raise RemoteError(
                f"cannot reach {self._url}: {said}", hint="is the server running?"
            ) from error
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if response.status >= 400 and isinstance(answer, dict):
            raise _error(response.status, answer)
        if response.status >= 300 or answer is None:
            raise self._not_debrepo(f"status {response.status}")
        return answer

    def _not_debrepo(self, said: str) -> RemoteError:
        """Return the error that says that the server answers as no server of debrepo's does."""
        return RemoteError(
            f"{self._url} does not answer as debrepo does: {said}",
            hint="is it a debrepo server of the same version?",
        )


class _Parcel:
    """The files that an operation's arguments name, on the server for as long as it takes."""

    def __init__(self, session: RemoteSession, name: str) -> None:
        self._session = session
        self._directory = f"~{name}-{uuid4().hex[:12]}"  # ~: of the caller, and nobody else
        self._names: dict[str, Path] = {}

    def send(self, path: Path) -> str:
        """Send a file, or the files below a directory; return the name of the copy.

        Of what does not exist there is no copy, and the operation says so as it always does.
        """
        part = f"{self._directory}/{len(self._names)}"
        self._names[part] = path if path.is_dir() else path.parent
        files = (
            [file for file in path.rglob("*") if file.is_file()]
            if path.is_dir()
            else [path, *_companions(path)]
            if path.exists()
            else []
        )
        base = self._names[part]
        for file in files:
            below = file.relative_to(base)
            place = quote("/".join([part, *below.parts[:-1]]), safe="")
            self._session.send(
                "PUT", f"/api/files/{place}/{quote(file.name, safe='')}", _read(file), {}
            )
        if path.is_dir() and not files:  # a directory is there for as long as a file is in it
            self._session.send("PUT", f"/api/files/{quote(part, safe='')}/empty", [b""], {})
        return part if path.is_dir() else f"{part}/{path.name}"

    def found(self, name: Any) -> Path:
        """Return the path of ours that the server's copy was made of."""
        top, _, rest = str(name).partition("/")
        part, _, below = rest.partition("/")
        base = self._names.get(f"{top}/{part}")
        return base / below if base is not None else Path(str(name))

    def __enter__(self) -> _Parcel:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._names and not isinstance(error, Silent):  # it would not answer this either
            with suppress(DebrepoError):
                self._session.ask("DELETE", f"/api/files/{quote(self._directory, safe='')}")


def _companions(path: Path) -> list[Path]:
    """Return the files beside a .dsc or .changes file that it names."""
    if path.suffix not in {".dsc", ".changes", ".buildinfo"}:
        return []
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    words = {word for word in text.split() if "/" not in word}
    beside = (path.parent / word for word in sorted(words - {path.name, ".", ".."}))
    return [file for file in beside if len(file.name) < 256 and file.is_file()]


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error


def _error(status: int, said: Mapping[str, Any]) -> DebrepoError:
    """Return the error that a server complains of, as the kind that it was there."""
    kind = getattr(errors, str(said.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, DebrepoError)):
        kind = RemoteError if status >= 500 else DebrepoError
    text = _printable(said.get("error", f"status {status}"))
    return kind(text, hint=_printable(said.get("hint", "")))


def _printable(said: object) -> str:
    """Return what a server says, without what would steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(said))
