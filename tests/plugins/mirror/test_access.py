"""Archives may be mirrored where the configuration allows it; secrets go where they belong."""

import pytest

from debrepo.errors import InvalidInput, NotAllowed, NotFound
from debrepo_mirror import access, choices
from debrepo_mirror.mirror import Mirror

MIRROR = Mirror("m", "", "https://archive.example.org/debian/", "bookworm")
CREDENTIALS = """
[mirror.credentials.vendor]
url = "https://archive.example.org"
user = "ann"
password = "hunter2"
"""


@pytest.fixture
def configured(session, debrepo_root):
    def configure(text):
        debrepo_root.mkdir(exist_ok=True)
        (debrepo_root / "debrepo.toml").write_text(text)
        return session

    return configure


def test_credentials_are_for_their_archive(configured):
    session = configured(CREDENTIALS)
    mirror = MIRROR._replace(credentials="vendor")
    access.check(session, mirror)
    login = access.options(session, mirror.credentials).logins.find(
        mirror.url + "dists/bookworm/InRelease"
    )
    assert login[:2] == ("ann", "hunter2")
    assert (
        access.options(session, mirror.credentials).logins.find("https://elsewhere.example.org/")
        is None
    )
    with pytest.raises(InvalidInput, match=r"are for https://archive\.example\.org"):
        access.check(session, mirror._replace(url="https://elsewhere.example.org/debian/"))
    with pytest.raises(NotFound, match="no credentials called other"):
        access.check(session, mirror._replace(credentials="other"))


def test_credentials_that_do_not_say_where_they_are_for_are_no_use(configured):
    session = configured('[mirror.credentials.vendor]\nuser = "ann"\n')
    with pytest.raises(InvalidInput, match="do not say where they are for"):
        access.check(session, MIRROR._replace(credentials="vendor"))


def test_auth_conf_below_the_root_is_read_and_so_are_the_files_named(configured, tmp_path):
    session = configured(f'[mirror]\nauth_files = ["{tmp_path}/netrc"]\n')
    (session.root / "auth.conf").write_text("machine one.example.org login ann password a\n")
    (tmp_path / "netrc").write_text("machine two.example.org login bob password b\n")
    logins = access.options(session, MIRROR.credentials).logins
    assert logins.find("https://one.example.org/x")[:2] == ("ann", "a")
    assert logins.find("https://two.example.org/x")[:2] == ("bob", "b")


def test_secrets_are_not_shown(configured, debrepo):
    configured(CREDENTIALS + 'token = "hunter3"\n')
    shown = debrepo("config", "show", "--all").stdout
    assert "ann" in shown
    assert "hunter" not in shown


def test_only_what_is_allowed_is_mirrored(configured):
    session = configured('[mirror]\nurls = ["https://archive.example.org"]\n')
    access.check(session, MIRROR)
    for url in ("https://archive.example.org.evil/", "http://archive.example.org/", "file:///srv/"):
        with pytest.raises(InvalidInput, match="does not allow mirrors of"):
            access.check(session, MIRROR._replace(url=url))


def test_files_of_a_server_are_not_mirrored_for_others_unless_allowed(configured):
    session = configured("")
    mirror = MIRROR._replace(url="file:///srv/debian/")
    access.check(session, mirror)
    with pytest.raises(InvalidInput, match="does not mirror its own files"):
        access.check(session.acting(actor="ann"), mirror)


def test_files_of_a_server_are_mirrored_if_allowed(configured):
    session = configured('[mirror]\nurls = ["file:///srv/debian"]\n')
    access.check(session.acting(actor="ann"), MIRROR._replace(url="file:///srv/debian/"))


def test_proxy_and_limits_are_as_configured(configured):
    session = configured(
        '[mirror]\nproxy = "http://proxy:3128"\nno_proxy = ["local"]\nca_file = "/ca.pem"\n'
        "connections = 3\ndownload_limit = 7\n"
    )
    options = access.options(session, MIRROR.credentials)
    assert (options.proxy, options.no_proxy, options.ca_file) == (
        "http://proxy:3128", ("local",), "/ca.pem",
    )  # fmt: skip
    assert (options.connections, options.pace.rate) == (3, 7 * 1024)


@pytest.mark.parametrize("name", ["url", "set_id", "name", "uuid", "none"])
def test_url_and_state_of_a_mirror_are_no_options(name):
    with pytest.raises(InvalidInput, match=f"no property '{name}' that can be set"):
        choices.changed(MIRROR, {name: "x"})


def test_token_needs_a_scope_for_the_url(session):
    def allowed(call):
        if any("fetch" in scope for scope in call.scopes):
            raise NotAllowed(" ".join(call.scopes))

    part = session.acting(actor="ci", check=allowed)
    url = "http://127.0.0.1:9/debian"
    with pytest.raises(NotAllowed, match=f"mirror:m:create mirror:m:fetch:{url}"):
        part.call("mirror.create", name="m", url=url, distribution="stable")
    with pytest.raises(NotAllowed, match=f"mirror:m:edit mirror:m:fetch:{url}"):
        part.call("mirror.edit", name="m", url=url)
    with pytest.raises(NotFound, match="no mirror called m"):
        part.call("mirror.edit", name="m", options={"latest": True})


def test_secrets_may_be_in_files(configured, tmp_path):
    session = configured(
        '[mirror.credentials.vendor]\nurl = "https://archive.example.org"\nuser = "ann"\n'
        f'password_file = "{tmp_path}/password"\ntoken_file = "token"\n'
    )
    (tmp_path / "password").write_text("hunter2\n# not this\n")
    (session.root / "token").write_text("hunter3")
    mirror = MIRROR._replace(credentials="vendor")
    login = access.options(session, mirror.credentials).logins.find(mirror.url)
    assert login[:3] == ("ann", "hunter2", "hunter3")
    (tmp_path / "password").unlink()
    with pytest.raises(InvalidInput, match=r"cannot read .*password: No such file"):
        access.options(session, mirror.credentials)


def test_netrc_is_for_connections_that_are_not_encrypted_as_well(configured, tmp_path):
    session = configured(f'[mirror]\nnetrc = "{tmp_path}/.netrc"\n')
    (tmp_path / ".netrc").write_text("machine one.example.org login ann password a\n")
    logins = access.options(session, MIRROR.credentials).logins
    assert logins.find("http://one.example.org/x")[:2] == ("ann", "a")


@pytest.mark.parametrize(
    "name", ["connections", "connect_timeout", "stall_timeout", "download_limit"]
)
def test_numbers_that_make_no_sense_are_refused(configured, name):
    session = configured(f"[mirror]\n{name} = -1\n")
    with pytest.raises(InvalidInput, match=rf"mirror\.{name} has to be at least"):
        access.options(session, MIRROR.credentials)


def test_password_of_a_proxy_is_not_in_what_is_shown(configured):
    session = configured('[mirror]\nproxy = "http://me:hunter2@proxy.example.org:3128"\n')
    with pytest.raises(InvalidInput, match="has a password in it") as caught:
        access.options(session, MIRROR.credentials)
    assert "hunter2" not in str(caught.value) + caught.value.hint
    assert "machine http://proxy.example.org:3128 login" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://archive.example.org/debian-private/",
        "https://archive.example.org/debian/../private/",
        "https://archive.example.org/debian/%2e%2e/private/",
        "https://archive.example.org.elsewhere/debian/",
        "https://elsewhere.example.org/?https://archive.example.org/debian/",
    ],
)
def test_only_what_lies_below_the_allowed_urls_is_mirrored(configured, url):
    session = configured('[mirror]\nurls = ["https://archive.example.org/debian"]\n')
    access.check(session, MIRROR)
    with pytest.raises(InvalidInput, match="does not allow mirrors of"):
        access.check(session, MIRROR._replace(url=url))


def test_redirects_lead_only_below_the_allowed_urls(configured):
    session = configured('[mirror]\nurls = ["https://archive.example.org/debian"]\n')
    assert access.options(session, "").allowed == ("https://archive.example.org/debian",)
