"""One file on its way: what is asked for, and what the answer means."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pycurl

import debrepo
from debrepo.credentials import bare
from debrepo.transport import NOTHING_KNOWN, Fetched, Validators, is_below
from debrepo_transport_curl import answers

if TYPE_CHECKING:
    from debrepo.credentials import Login
    from debrepo.transport import Outcome, TransportOptions, Want

_BUFFER = 1 << 14  # bytes that libcurl reads at a time; with more, memory is mapped and unmapped
_PIECES = 4  # of that size are handed on together
_HOPS = 10  # redirects that are followed
_PROTOCOLS = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS | pycurl.PROTO_FTP | pycurl.PROTO_FTPS
_HTTP2_STREAM = 92  # pycurl has no name for it
_RETRY_AFTER = getattr(pycurl, "RETRY_AFTER", None)  # older ones do not know it
_OK = answers.HttpAnswer(200, {})
_SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"  # libcurl from PyPI was built elsewhere
#: Of libcurl's errors those that may pass: names, connections, time, and ends that come early.
_PASSING = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_FTP_WEIRD_SERVER_REPLY,  # a server with too many users says so with 421
        pycurl.E_FTP_ACCEPT_FAILED,
        pycurl.E_FTP_WEIRD_PASV_REPLY,
        pycurl.E_HTTP2,
        pycurl.E_PARTIAL_FILE,
        pycurl.E_OPERATION_TIMEDOUT,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_GOT_NOTHING,
        pycurl.E_SEND_ERROR,
        pycurl.E_RECV_ERROR,
        _HTTP2_STREAM,
    }
)


class Handle:
    """What libcurl keeps for one transfer after another; it is set up once where that is enough."""

    def __init__(self, options: TransportOptions) -> None:
        self.curl: Any = pycurl.Curl()
        self.chunks: list[bytes] = []
        self.headers: list[bytes] = []
        self.keeps_headers = True
        self._options = options
        self._dress: object = None

    def clear(self) -> None:
        """Discard what was received."""
        self.chunks.clear()
        self.headers.clear()

    def dress(
        self,
        login: Login | None,
        fields: tuple[str, ...] = (),
        resume: int = 0,
        since: int = 0,
        *,
        headers: bool = True,
    ) -> None:
        """Set what does not change from one ordinary file to the next, if it is not set.

        Without ``headers``, those of the answer are not kept.
        """
        dress = (login, fields, resume, since, headers)
        if self._dress == dress:
            return
        self.curl.reset()
        self._set_up()
        curl = self.curl
        self.keeps_headers = headers
        if headers:
            curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)
        if login is not None:
            fields = self._identify(login, fields)
        if fields:
            curl.setopt(pycurl.HTTPHEADER, list(fields))
        if resume:
            curl.setopt(pycurl.RESUME_FROM_LARGE, resume)
        if since:
            curl.setopt(pycurl.TIMECONDITION, pycurl.TIMECONDITION_IFMODSINCE)
            curl.setopt(pycurl.TIMEVALUE, since)
        self._dress = dress

    def _identify(self, login: Login, fields: tuple[str, ...]) -> tuple[str, ...]:
        curl = self.curl
        if login.certificate:
            curl.setopt(pycurl.SSLCERT, login.certificate)
            curl.setopt(pycurl.SSLKEY, login.key or login.certificate)
        if login.token:
            return (*fields, f"Authorization: Bearer {login.token}")
        if login.user or login.password:
            curl.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
            curl.setopt(pycurl.USERNAME, login.user.encode())
            curl.setopt(pycurl.PASSWORD, login.password.encode())
        return fields

    def _set_up(self) -> None:
        curl, options = self.curl, self._options
        buffer = _BUFFER
        if options.pace.rate:  # so that a turn does not bring what takes seconds to make up for
            buffer = max(1024, min(_BUFFER, options.pace.rate // options.connections // 8))
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.BUFFERSIZE, buffer),
            (pycurl.PROTOCOLS, _PROTOCOLS),
            (pycurl.WRITEFUNCTION, self.chunks.append),
            (pycurl.CONNECTTIMEOUT, options.connect_timeout),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, options.stall_timeout),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.OPT_FILETIME, 1),  # the validator of FTP
            (pycurl.FTP_FILEMETHOD, pycurl.FTPMETHOD_NOCWD),
            (pycurl.USERAGENT, options.user_agent or f"debrepo/{debrepo.__version__}"),
        ):
            curl.setopt(option, value)
        ca = options.ca_file or (_SYSTEM_CA if os.path.exists(_SYSTEM_CA) else "")  # noqa: PTH110
        if ca:
            curl.setopt(pycurl.CAINFO, ca)
        if options.proxy == "none":
            curl.setopt(pycurl.PROXY, "")
        elif options.proxy:
            curl.setopt(pycurl.PROXY, bare(options.proxy))
            login = options.logins.find(options.proxy)
            if login is not None:
                curl.setopt(pycurl.PROXYUSERNAME, login.user.encode())
                curl.setopt(pycurl.PROXYPASSWORD, login.password.encode())
        if options.no_proxy:
            curl.setopt(pycurl.NOPROXY, ",".join(options.no_proxy))


class Transfer(ABC):
    """A `Want` with the handle that it has for its time.

    ``fetched`` is set once nothing more is to be received, ``over`` if it has to be asked for
    again, from its start or elsewhere.
    """

    def __init__(self, want: Want, handle: Handle, options: TransportOptions) -> None:
        self.want = want
        self.handle = handle
        self.fetched: Fetched | None = None
        self.over = False
        self.url = want.url
        self.offset = want.offset
        self.size = want.offset
        self.validators = NOTHING_KNOWN
        self._options = options
        self._begun = False

    def prepare(self) -> None:
        """Set up the handle for the next request."""
        self.over = self._begun = False
        self.size = self.offset
        logins = self._options.logins
        url = self.url
        login = logins.find(url) if logins or "@" in url else None
        if "@" in url:
            url = bare(url)
        self.ask(login)
        self.handle.curl.setopt(pycurl.URL, url if url.isascii() else url.encode())

    @abstractmethod
    def ask(self, login: Login | None) -> None:
        """Dress the handle for this file."""

    @abstractmethod
    def look(self) -> bool:
        """Look at what came before the first byte; return whether bytes are the file's."""

    @abstractmethod
    def done(self, code: int, text: str) -> Fetched | None:
        """Return what came of it, now that libcurl is done; ``None``: ask again."""

    def take(self) -> int:
        """Hand on what was received, and return its size."""
        chunks = self.handle.chunks
        size = len(chunks[0]) if len(chunks) == 1 else sum(map(len, chunks))
        try:
            if self._begun or self._begin():
                if self.size + size > self.want.limit:
                    self.fetched = self.failed(f"more than the {self.want.limit} bytes expected")
                    return size
                self._hand_on(chunks)
        except Exception as error:  # the caller's, to whom it goes back
            self.fetched = self.failed(str(error), error=error)
        finally:
            chunks.clear()
        return size

    def _hand_on(self, chunks: list[bytes]) -> None:
        """Hand on what was received, a few pieces at a time: larger ones leave the caches."""
        if len(chunks) == 1:
            self.size += len(chunks[0])
            self.want.receive(chunks[0])
            return
        for start in range(0, len(chunks), _PIECES):
            data = b"".join(chunks[start : start + _PIECES])
            self.size += len(data)
            self.want.receive(data)

    def _begin(self) -> bool:
        """Return whether what comes is the file, and tell the caller where it begins."""
        if not self.look():
            return False
        if not self._begun:
            if self.want.offset and not self.offset:
                self.want.restart()
            if self.want.begin is not None:
                self.want.begin(self.validators)
            self._begun = True
        return True

    def from_start(self) -> None:
        """Give up what is here already: ask for all of it."""
        self.offset, self.over = 0, True

    def complete(self) -> Fetched:
        """Return that all of it is here, also if that is nothing."""
        if not self._begun:
            try:
                if not self._begin():
                    return self.fetched or self.failed("nothing came", again=True)
            except Exception as error:  # the caller's, to whom it goes back
                return self.failed(str(error), error=error)
        return self.ended("whole")

    def ended(self, outcome: Outcome, reason: str = "") -> Fetched:
        """Return an outcome."""
        url = bare(self.url) if "@" in self.url else self.url
        told = self.want, outcome, self.size, self.validators, reason, False, 0.0, url, None, 0
        return tuple.__new__(Fetched, told)  # calling it takes longer

    def failed(
        self,
        reason: str,
        *,
        again: bool = False,
        after: float = 0.0,
        error: Exception | None = None,
        status: int = 0,
    ) -> Fetched:
        """Return that it failed."""
        return self.ended("failed", reason)._replace(
            again=again, after=after, error=error, status=status
        )

    def given_up(self, code: int, text: str) -> Fetched:
        """Return what an error of libcurl's means."""
        if code == pycurl.E_SSL_CACERT_BADFILE and not text:  # libcurl 7 has no words for it
            text = f"cannot use the certificates in {self._options.ca_file or _SYSTEM_CA}"
        return self.failed(text or f"libcurl error {code}", again=code in _PASSING)


class HttpTransfer(Transfer):
    """A file over HTTP."""

    def __init__(self, want: Want, handle: Handle, options: TransportOptions) -> None:
        super().__init__(want, handle, options)
        self._answer: answers.HttpAnswer | None = None
        self._hops = 0
        self._drop = False

    def ask(self, login: Login | None) -> None:
        self._answer, self._drop = None, False
        validators = self.want.validators
        if not self.offset and validators is NOTHING_KNOWN:
            nobody_asks = self.want.begin is None and _RETRY_AFTER is not None
            self.handle.dress(login, headers=not nobody_asks)
            return
        fields: list[str] = []
        if self.offset:
            fields.append(f"Range: bytes={self.offset}-")
            if condition := answers.if_range(validators):
                fields.append(f"If-Range: {condition}")
        elif not self.want.offset:
            fields += answers.condition(validators)
        self.handle.dress(login, tuple(fields))

    def look(self) -> bool:
        if self._drop:
            return False
        answer = self._answer = self._read()
        if self.want.begin is not None:
            self.validators = answer.validators
        if answer.status == 206 and self.offset:
            if answer.start != self.offset:
                self.from_start()
                return False
            return True
        if answer.status == 200:
            self.offset = self.size = 0
            return True
        self._drop = True
        return False

    def _read(self) -> answers.HttpAnswer:
        """Return the answer; of one whose headers were not kept, libcurl tells what is needed."""
        if self.handle.keeps_headers:
            return answers.read(self.handle.headers)
        curl = self.handle.curl
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        if status == 200:
            return _OK
        location = curl.getinfo_raw(pycurl.REDIRECT_URL) or b""
        after = b"%d" % curl.getinfo(_RETRY_AFTER)
        return answers.HttpAnswer(status, {b"location": location, b"retry-after": after})

    def done(self, code: int, text: str) -> Fetched | None:
        if code:
            return self.given_up(code, text)
        answer = self._answer or self._read()
        status = answer.status
        if status in (200, 206) and (self._begun or status == 200 or self.offset):
            fetched = self.complete()
            return None if self.over else fetched
        if status == 304 and not self.want.offset and self.want.validators != NOTHING_KNOWN:
            self.validators = self.want.validators
            return self.ended("unchanged")._replace(status=status)
        if status == 416 and self.offset:
            self.from_start()
            return None
        if status in answers.MOVED and answer.location:
            return self._move(answer)
        if status in answers.MISSING:
            return self.ended("missing", f"the server answered {answer}")._replace(status=status)
        return self.failed(
            f"the server answered {answer}",
            again=status in answers.PASSING,
            after=answer.after,
            status=status,
        )

    def _move(self, answer: answers.HttpAnswer) -> Fetched | None:
        """Follow a redirect, with the credentials of where it leads, if there are any."""
        url = urljoin(bare(self.url), answer.location)
        scheme = url.partition(":")[0].lower()
        self._hops += 1
        if self._hops > _HOPS:
            return self.failed(f"more than {_HOPS} redirects")
        if scheme not in ("http", "https") or (scheme == "http" and self.url[:5] == "https"):
            return self.failed(f"refused to be redirected to {bare(url)}")
        if self._options.allowed and not is_below(bare(url), self._options.allowed):
            return self.failed(f"redirected to {bare(url)}, which the configuration does not allow")
        self.url = bare(url)
        return None


class FtpTransfer(Transfer):
    """A file over FTP, whose only validator is its date."""

    def ask(self, login: Login | None) -> None:
        modified = self.want.validators.modified
        since = int(modified) if modified.isdecimal() and not self.want.offset else 0
        self.handle.dress(login, (), self.offset, since)

    def look(self) -> bool:
        date = self.handle.curl.getinfo(pycurl.INFO_FILETIME)
        self.validators = Validators(modified=str(date) if date >= 0 else "")
        known = self.want.validators.modified
        if self.offset and known and known != self.validators.modified:
            self.from_start()
            return False
        return True

    def done(self, code: int, text: str) -> Fetched | None:
        if code == pycurl.E_REMOTE_FILE_NOT_FOUND:
            return self.ended("missing", "the server has no such file")
        if self.offset and code in (pycurl.E_FTP_COULDNT_USE_REST, pycurl.E_BAD_DOWNLOAD_RESUME):
            self.from_start()
            return None
        if code:
            return self.given_up(code, text)
        if self.handle.curl.getinfo(pycurl.CONDITION_UNMET):
            self.validators = self.want.validators
            return self.ended("unchanged")
        fetched = self.complete()
        return None if self.over else fetched


def transfer_of(want: Want, handle: Handle, options: TransportOptions) -> Transfer:
    """Return the transfer for the scheme of a URL."""
    kind = FtpTransfer if want.url[:3].lower() == "ftp" else HttpTransfer
    return kind(want, handle, options)
