"""HTTP and HTTPS by libcurl, against a server that does wrong what it is told to."""

import resource
import shutil
import signal
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from socket import socket

import pytest
from upstream import serving

from debrepo.credentials import Login, Logins
from debrepo.errors import PluginError
from debrepo.testing import TransportContract
from debrepo.transport import TransportOptions, Validators, Want
from debrepo_transport_curl import answers
from debrepo_transport_curl.transport import CurlTransport


class TestHttp(TransportContract):
    @pytest.fixture
    def transport_class(self):
        return CurlTransport

    @pytest.fixture
    def upstream(self, tmp_path):
        with serving(tmp_path) as upstream:
            yield upstream


class TestHttps(TransportContract):
    @pytest.fixture
    def transport_class(self, certificates):
        class Trusting(CurlTransport):
            @classmethod
            def open(cls, options):
                return super().open(replace(options, ca_file=str(certificates / "ca.pem")))

        return Trusting

    @pytest.fixture
    def upstream(self, tmp_path, tls):
        with serving(tmp_path, tls) as upstream:
            yield upstream


@pytest.fixture
def upstream(tmp_path):
    with serving(tmp_path) as upstream:
        upstream.put("a", b"a")
        yield upstream


@pytest.fixture
def secure(tmp_path, tls):
    with serving(tmp_path, tls) as upstream:
        upstream.put("a", b"a")
        yield upstream


@contextmanager
def opened(**options):
    transport = CurlTransport.open(TransportOptions(**options))
    try:
        yield transport
    finally:
        transport.close()


def read(url, **options):
    with opened(**options) as transport:
        return transport.read(url, limit=1000)


def test_certificate_that_nobody_vouches_for_is_refused(secure):
    fetched, data = read(secure.url + "a")
    assert (fetched.outcome, fetched.again, data) == ("failed", False, b"")
    assert "certificate" in fetched.reason


def test_file_of_certificates_that_is_missing_is_named(secure, tmp_path):
    fetched, _ = read(secure.url + "a", ca_file=str(tmp_path / "none.pem"))
    assert (fetched.outcome, fetched.again) == ("failed", False)
    assert "none.pem" in fetched.reason


def test_redirect_leads_from_https_to_https_only(secure, upstream, certificates):
    secure.fault("here", "redirect", location=upstream.url + "a")
    fetched, _ = read(secure.url + "here", ca_file=str(certificates / "ca.pem"))
    assert fetched.outcome == "failed"
    assert fetched.reason == f"refused to be redirected to {upstream.url}a"
    assert upstream.asked() == []


def test_redirect_leads_from_http_to_https(secure, upstream, certificates):
    upstream.fault("here", "redirect", location=secure.url + "a")
    assert read(upstream.url + "here", ca_file=str(certificates / "ca.pem"))[1] == b"a"


def test_client_certificate_goes_to_its_host_only(tmp_path, tls, certificates):
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(certificates / "ca.pem")
    login = Login(
        certificate=str(certificates / "client.crt"), key=str(certificates / "client.key")
    )
    both = Login(certificate=str(certificates / "client.pem"))
    ca = {"ca_file": str(certificates / "ca.pem")}
    with serving(tmp_path, tls) as strict:
        strict.put("a", b"a")
        assert read(strict.url + "a", logins=Logins.at(strict.url, login), **ca)[1] == b"a"
        assert read(strict.url + "a", logins=Logins.at(strict.url, both), **ca)[1] == b"a"
        other = strict.url.replace("127.0.0.1", "localhost")
        assert read(other + "a", logins=Logins.at(strict.url, login), **ca)[1] == b""
        assert read(strict.url + "a", **ca)[1] == b""


def test_token_is_sent_instead_of_a_password(upstream):
    upstream.authorization.add("Bearer s3cret")
    login = Logins.at(upstream.url, Login(token="s3cret"))
    assert read(upstream.url + "a", logins=login)[1] == b"a"
    fetched, _ = read(upstream.url + "a", logins=Logins.at(upstream.url, Login(token="other")))
    assert (fetched.status, fetched.again) == (401, False)
    assert "other" not in fetched.reason


def test_login_of_one_host_is_not_used_at_the_next(upstream):
    upstream.put("b", b"b")
    with opened(logins=Logins.at(upstream.url, Login("me", "p")), connections=1) as transport:
        other = upstream.url.replace("127.0.0.1", "localhost")
        for url in (upstream.url + "a", other + "a", upstream.url + "a", other + "b"):
            assert transport.read(url, limit=10)[0].outcome == "whole"
    assert upstream.identities("a") == ["me:p", "", "me:p"]
    assert upstream.identities("b") == [""]


def test_proxy_is_asked_for_other_hosts(upstream):
    assert read("http://archive.invalid/a", proxy=upstream.url)[1] == b"a"
    assert [seen.target for seen in upstream.asked()] == ["http://archive.invalid/a"]


def test_proxy_is_found_in_the_environment(upstream, monkeypatch):
    monkeypatch.setenv("http_proxy", upstream.url)
    monkeypatch.setenv("no_proxy", "other.invalid")
    assert read("http://archive.invalid/a")[1] == b"a"
    assert read("http://other.invalid/a")[0].outcome == "failed"
    assert read("http://archive.invalid/a", proxy="none")[0].outcome == "failed"


def test_proxy_is_not_asked_for_its_exceptions(upstream):
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert read(upstream.url + "a", proxy=proxy)[0].outcome == "failed"
        assert read(upstream.url + "a", proxy=proxy, no_proxy=("127.0.0.1",))[1] == b"a"


def test_password_of_a_proxy_is_not_shown():
    fetched, _ = read("http://archive.invalid/a", proxy="http://me:s3cret@127.0.0.1:9")
    assert fetched.outcome == "failed"
    assert "s3cret" not in fetched.reason


@pytest.mark.parametrize("in_url", [True, False])
def test_proxy_gets_its_own_login_and_the_archive_gets_none_of_it(upstream, in_url):
    proxy = upstream.url.replace("://", "://me:s%40cret@") if in_url else upstream.url
    logins = Logins() if in_url else Logins.at(upstream.url, Login("me", "s@cret"))
    assert read("http://archive.invalid/a", proxy=proxy, logins=logins)[1] == b"a"
    (seen,) = upstream.asked()
    assert seen.headers["proxy-authorization"] == "Basic bWU6c0BjcmV0"
    assert "authorization" not in seen.headers


def test_url_that_is_none_is_said_in_a_line():
    for url in ("http://", "http://a b/", "http://[::1", "http:///a", "http://a:99999999/"):
        fetched, _ = read(url)
        assert fetched.outcome == "failed"
        assert fetched.reason


def test_without_pycurl_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycurl", None)
    with pytest.raises(PluginError, match="need pycurl") as caught:
        CurlTransport.open(TransportOptions())
    assert "debrepo-manager[mirror]" in caught.value.hint


def test_nothing_of_libcurl_is_loaded_to_start():
    command = "import sys, debrepo_transport_curl.plugin, debrepo_transport_curl.transport\n"
    command += "print('pycurl' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert ran.stdout == b"False\n"


MANY_FILES = """
import sys
from debrepo.transport import TransportOptions, Want
from debrepo_transport_curl.transport import CurlTransport

transport = CurlTransport.open(TransportOptions())
wants = [Want(f"{sys.argv[1]}{n}", lambda data: None) for n in range(400)]
print(sum(fetched.outcome == "whole" for fetched in transport.fetch(wants)))
transport.close()
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_small_file_takes_a_few_system_calls(upstream, tmp_path):
    for number in range(400):
        upstream.put(f"{number}", b"x" * 2000)
    calls = "sendto,recvfrom,poll,ppoll,select,pselect6,connect,socket,close"
    command = ["strace", "-f", "-qq", "-o", tmp_path / "log", "-e", f"trace={calls}"]
    command += [sys.executable, "-c", MANY_FILES, upstream.url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip("strace is not allowed here")
    assert ran.stdout == "400\n"
    lines = (tmp_path / "log").read_text().splitlines()
    network = [line for line in lines if " close(" not in line]
    assert len(network) < 400 * 8  # 3 with libcurl 8, 6 with that of Debian 12
    assert sum(" connect(" in line and "AF_INET" in line for line in lines) <= 8


MANY_OPEN = """
import os, resource, sys
from debrepo.transport import TransportOptions
from debrepo_transport_curl.transport import CurlTransport

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, hard))
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
transport = CurlTransport.open(TransportOptions())
fetched, data = transport.read(sys.argv[1], limit=1000)
transport.close()
print(fetched.outcome, data.decode())
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2000, reason="few files may be open here"
)
def test_process_may_have_more_files_open_than_select_can_wait_for(upstream):
    command = [sys.executable, "-c", MANY_OPEN, upstream.url + "a"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("whole a\n", "")


INTERRUPTED = """
import sys
from debrepo.transport import TransportOptions
from debrepo_transport_curl.transport import CurlTransport

transport = CurlTransport.open(TransportOptions())
try:
    transport.read(sys.argv[1], limit=1 << 30)
except KeyboardInterrupt:
    print("interrupted")
fetched, data = transport.read(sys.argv[1] + "2", limit=10)
transport.close()
print(fetched.outcome, data.decode())
"""


def test_interrupt_ends_a_fetch_in_silence_and_leaves_the_transport_usable(upstream):
    upstream.put("large", bytes(1 << 20))
    upstream.put("large2", b"a")
    upstream.fault("large", "hold")
    heed = ["env", "--default-signal=INT"]  # which a shell turns off in the background
    command = [*heed, sys.executable, "-c", INTERRUPTED, upstream.url + "large"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        upstream.wait_for(1, "large")
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate()
    assert (said, complaints) == ("interrupted\nwhole a\n", "")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_http2_is_spoken_where_it_is_offered(tmp_path, certificates):
    for number in range(50):
        (tmp_path / f"{number}").write_bytes(b"%d" % number)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(f"""
        user root; worker_processes 1; pid {tmp_path}/pid; error_log {tmp_path}/error;
        events {{ worker_connections 64; }}
        http {{
            log_format short '$server_protocol $connection'; access_log {tmp_path}/log short;
            client_body_temp_path {tmp_path}/t1; proxy_temp_path {tmp_path}/t2;
            fastcgi_temp_path {tmp_path}/t3; uwsgi_temp_path {tmp_path}/t4;
            scgi_temp_path {tmp_path}/t5;
            server {{
                listen 127.0.0.1:{port} ssl http2; root {tmp_path};
                ssl_certificate {certificates}/server.crt;
                ssl_certificate_key {certificates}/server.key;
            }}
        }}
    """)
    command = ["nginx", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error"]
    subprocess.run(command, check=True, capture_output=True)
    try:
        url = f"https://127.0.0.1:{port}/"
        with opened(ca_file=str(certificates / "ca.pem"), connections=4) as transport:
            for number in range(50):
                assert transport.read(f"{url}{number}", limit=10)[1] == b"%d" % number
    finally:
        subprocess.run([*command, "-s", "quit"], check=True, capture_output=True)
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 50
    assert len(set(lines)) == 1
    assert lines[0].startswith("HTTP/2.0 ")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"7", 7),
        (b"Sat, 28 Nov 2020 00:00:00 GMT", 0),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", 24 * 3600),
        (b"soon", 0),
        (b"99999999999999", 24 * 3600),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert answers.HttpAnswer(503, {b"retry-after": value}).after == seconds


@pytest.mark.parametrize("value", [b"", b"bytes */5", b"bytes x-1/2", b"lines 1-2/3", b"bytes"])
def test_range_that_makes_no_sense_begins_nowhere(value):
    assert answers.HttpAnswer(206, {b"content-range": value}).start == -1


def test_answers_of_proxies_come_before_that_of_the_server():
    lines = [
        b"HTTP/1.1 200 Connection established\r\n",
        b"ETag: x\r\n",
        b"\r\n",
        b"HTTP/2 503 \r\n",
        b"Retry-After: 2\r\n",
    ]
    answer = answers.read(lines)
    assert (str(answer), answer.after) == ("503 Service Unavailable", 2)
    assert answer.validators == Validators()


def test_weak_tag_is_no_condition_for_a_range():
    assert answers.if_range(Validators('W/"1"', "Sat")) == "Sat"
    assert answers.if_range(Validators('"1"', "Sat")) == '"1"'


class TestFilesOfWhichNobodyAsksForValidators:
    def fetch(self, upstream, path, **options):
        parts = []
        with opened(**options) as transport:
            (fetched,) = transport.fetch([Want(upstream.url + path, parts.append, limit=1000)])
        return fetched, b"".join(parts)

    def test_they_come(self, upstream):
        fetched, data = self.fetch(upstream, "a")
        assert (fetched.outcome, fetched.size, data) == ("whole", 1, b"a")

    def test_they_may_be_elsewhere(self, upstream):
        upstream.fault("here", "redirect", location="/a")
        fetched, data = self.fetch(upstream, "here")
        assert (fetched.outcome, fetched.url, data) == ("whole", upstream.url + "a", b"a")
        upstream.fault("here", "redirect", location="file:///etc/passwd")
        fetched, data = self.fetch(upstream, "here")
        assert (fetched.outcome, fetched.again, data) == ("failed", False, b"")
        upstream.fault("here", "redirect", location="/a")
        assert self.fetch(upstream, "here", allowed=("http://example.org/",))[0].outcome == "failed"

    @pytest.mark.parametrize(
        ("kind", "again", "after"), [("503", True, 7), ("500", True, 0), ("403", False, 0)]
    )
    def test_what_goes_wrong_is_told(self, upstream, kind, again, after):
        upstream.fault("a", kind, **({"retry_after": after} if after else {}))
        fetched, data = self.fetch(upstream, "a")
        assert (fetched.outcome, fetched.again, fetched.after) == ("failed", again, after)
        assert (kind in fetched.reason, data) == (True, b"")

    def test_they_may_be_missing(self, upstream):
        fetched, data = self.fetch(upstream, "missing")
        assert (fetched.outcome, fetched.status, data) == ("missing", 404, b"")

    def test_others_have_theirs_beside_them(self, upstream):
        with opened(connections=1) as transport:
            url = upstream.url + "a"
            wants = [Want(url, bytes), Want(url, bytes, begin=bool), Want(url, bytes)]
            found = [fetched.validators != Validators() for fetched in transport.fetch(wants)]
        assert found == [False, True, False]
