"""What is configured reaches the service."""

import pytest

from debrepo_publish_s3.client import Client
from debrepo_publish_s3.options import Options, read


@pytest.fixture
def written():
    """Return a function that tells how an object is asked for with some options."""

    def written(**given):
        keys = {"access_key_id": "AKID", "secret_access_key": "secret"}
        client = Client(read("x", {"bucket": "debian", **keys, **given}))
        return client.write("GET", "dists/InRelease", {}, {}, None)

    return written


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"region": "us-east-1"}, "https://debian.s3.amazonaws.com/dists/"),
        (
            {"region": "eu-central-1", "addressing": "path"},
            "https://s3.eu-central-1.amazonaws.com/debian/dists/",
        ),
        ({"endpoint": "s3.example.org"}, "https://s3.example.org/debian/dists/"),
        ({"endpoint": "http://s3.example.org:81"}, "http://s3.example.org:81/debian/dists/"),
        (
            {"endpoint": "https://s3.example.org", "addressing": "virtual"},
            "https://debian.s3.example.org/dists/",
        ),
    ],
)
def test_where_the_bucket_is_follows_from_region_endpoint_and_addressing(written, given, start):
    assert written(**given).url.startswith(start)


def test_requests_are_signed_for_the_region(written):
    assert "/eu-central-1/s3/aws4_request" in written(region="eu-central-1").fields[-1]


def test_a_session_token_goes_with_every_request(open_bucket, proxy):
    open_bucket(proxy.port, session_token="a-token").put("a", b"")
    assert proxy.seen[0].headers["x-amz-security-token"] == "a-token"


def test_every_request_is_told_where_that_is_wanted(open_bucket, proxy, capsys):
    open_bucket(proxy.port, debug=True).put("dists/Release", b"12345")
    assert capsys.readouterr().err.startswith("s3: put object deb/dists/Release 5 bytes: 200, ")


def test_nothing_is_sent_for_what_is_the_bucket_s_own_choice():
    assert Options("b", acl="none", storage_class="STANDARD").object_headers() == {}


def test_a_prefix_has_no_slash_at_either_end():
    assert read("x", {"bucket": "b", "prefix": "/a/b/"}).prefix == "a/b"
