"""What a bucket is asked, and what becomes of its answers."""

import base64
import hashlib
import itertools
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from object_stores import services

from debrepo.errors import Conflict, InvalidInput, PluginError, RemoteError
from debrepo.object_storage import side_by_side
from debrepo.storage import PoolLink
from debrepo.wire import ranges
from debrepo.wire.lanes import Lanes
from debrepo_publish_s3 import locks, options
from debrepo_publish_s3.deletions import Deletions
from debrepo_publish_s3.storage import S3Storage

COMMIT = "dists/stable/InRelease"


@pytest.fixture
def storage(open_bucket, proxy):
    return open_bucket(proxy.port)


@pytest.fixture
def hello(tmp_path):
    source = tmp_path / "hello"
    source.write_bytes(b"hello")
    return PoolLink("pool/h/hello.deb", source, 5, hashlib.sha256(b"hello").hexdigest())


@pytest.fixture
def head(direct, bucket):
    return lambda path: direct.head_object(Bucket=bucket, Key=f"deb/{path}")


def methods(proxy):
    return [request.method for request in proxy.seen]


def test_files_of_the_pool_may_be_kept_for_ever(storage, hello, head):
    storage.link(hello)
    found = head(hello.path)
    assert found["CacheControl"] == "public, max-age=31536000, immutable"
    assert found["ContentType"] == "application/vnd.debian.binary-package"


def test_names_that_lead_to_other_content_tomorrow_are_asked_for_again(storage, head):
    storage.put("dists/stable/InRelease", b"")
    storage.put("dists/stable/main/Contents-amd64.gz", b"")
    assert head("dists/stable/InRelease")["CacheControl"] == "no-cache"
    assert head("dists/stable/InRelease")["ContentType"] == "text/plain; charset=utf-8"
    assert head("dists/stable/main/Contents-amd64.gz")["ContentType"] == "application/gzip"


def test_a_new_file_takes_one_request(storage, hello, proxy, needs):
    needs("conditions")
    storage.link(hello)
    assert methods(proxy) == ["PUT"]


def test_a_commit_takes_one_request(storage, proxy, needs):
    needs("conditions", "quoted tags")
    storage.commit(COMMIT, b"1", expected=None)
    storage.commit(COMMIT, b"2", expected=b"1")
    assert methods(proxy) == ["PUT", "PUT"]


def test_what_has_a_version_is_replaced_in_one_request(open_bucket, proxy, needs):
    needs("conditions", "quoted tags")
    version = open_bucket(proxy.port).put(COMMIT, b"1")
    proxy.seen.clear()
    version = open_bucket(proxy.port, conditional_writes="auto").replace(
        COMMIT, b"2", version=version
    )
    open_bucket(proxy.port).replace(COMMIT, b"3", version=version)
    assert methods(proxy) == ["PUT", "PUT"]


def test_where_conditions_are_not_heeded_writes_have_no_version(open_bucket, proxy):
    storage = open_bucket(proxy.port, conditional_writes="no")
    assert storage.put(COMMIT, b"1") is None
    assert storage.commit(COMMIT, b"2", expected=b"1") is None


def test_a_small_body_does_not_wait_to_be_welcome(storage, proxy):
    storage.put("small", b"1")
    storage.put("large", b"1" * (1 << 20))
    assert ["expect" in request.headers for request in proxy.seen] == [False, True]


def test_objects_get_the_class_that_is_configured(open_bucket, proxy, head, needs):
    needs("storage classes")
    open_bucket(proxy.port, storage_class="STANDARD_IA").put("dists/Release", b"")
    assert head("dists/Release")["StorageClass"] == "STANDARD_IA"


def test_objects_are_encrypted_as_configured(open_bucket, proxy, head, needs):
    needs("SSE-S3")
    open_bucket(proxy.port, encryption="AES256").put("dists/Release", b"")
    assert head("dists/Release")["ServerSideEncryption"] == "AES256"


def test_an_acl_is_sent_where_one_is_configured_and_only_there(open_bucket, proxy):
    open_bucket(proxy.port, acl="public-read").put("a", b"")
    open_bucket(proxy.port, acl="none").put("b", b"")
    assert [r.headers.get("x-amz-acl") for r in proxy.seen] == ["public-read", None]


def test_a_key_of_ones_own_encrypts_and_commits_go_on(open_bucket, proxy, head, needs):
    needs("SSE-KMS")
    storage = open_bucket(proxy.port, encryption="aws:kms", kms_key_id="our-key")
    storage.commit(COMMIT, b"1", expected=None)
    storage.commit(COMMIT, b"2", expected=b"1")
    assert "our-key" in head(COMMIT)["SSEKMSKeyId"]


@pytest.mark.parametrize(
    ("checksum", "header"),
    [
        ("", "content-md5"),
        ("md5", "content-md5"),
        ("sha256", "x-amz-checksum-sha256"),
        ("crc32", "x-amz-checksum-crc32"),
    ],
)
def test_the_service_can_check_what_arrives(open_bucket, proxy, hello, checksum, header):
    storage = open_bucket(proxy.port, checksum=checksum)
    storage.put("dists/Release", b"1")
    storage.link(hello._replace(sha256=""))
    storage.delete(["dists/Release", hello.path])
    puts = [request for request in proxy.seen if request.method == "PUT"]
    assert [header in request.headers for request in puts if request.body] == [True, True]
    assert "content-md5" in proxy.seen[-1].headers


def test_a_file_that_is_not_what_the_pool_says_is_refused_by_the_service(
    open_bucket, proxy, hello, head
):
    wrong = hello._replace(sha256="00" * 32)
    with pytest.raises(RemoteError, match=r"failed 3 times: status 400, \w+(Digest|Mismatch)"):
        open_bucket(proxy.port, checksum="none").link(wrong)
    assert len(proxy.refused) == 3
    proxy.refused.clear()


def test_the_service_itself_checks_digests(direct, bucket, needs):
    needs("checked digests")
    wrong = base64.b64encode(hashlib.md5(b"something else").digest()).decode()
    with pytest.raises(ClientError, match=r"BadDigest|InvalidDigest"):
        direct.put_object(Bucket=bucket, Key="a", Body=b"1", ContentMD5=wrong)


def test_a_wrong_secret_is_said_to_be_one(open_bucket, proxy):
    with pytest.raises(InvalidInput, match="SignatureDoesNotMatch") as caught:
        open_bucket(proxy.port, secret_access_key="wrong").put("a", b"")
    assert "credentials" in caught.value.hint
    assert methods(proxy) == ["PUT"]


def test_a_bucket_that_is_not_there_is_said_not_to_be(open_bucket, proxy):
    with pytest.raises(InvalidInput, match="there is no bucket no-such-bucket") as caught:
        open_bucket(proxy.port, bucket="no-such-bucket").put("a", b"")
    assert "create it" in caught.value.hint


def test_a_large_file_travels_in_parts(open_bucket, proxy, tmp_path, head):
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(21 << 20)
        file.write(b"start")
    large = PoolLink("pool/large.deb", source, 21 << 20, "")
    storage = open_bucket(proxy.port, part_size=5 << 20, timeout=30)
    storage.link(large)
    assert head(large.path)["ContentLength"] == 21 << 20
    assert head(large.path)["CacheControl"].endswith("immutable")
    parts = [r for r in proxy.seen if r.method == "PUT"]
    assert sorted(len(part.body) for part in parts) == [1 << 20, *[5 << 20] * 4]
    storage.link(large)
    assert methods(proxy)[-1] == "HEAD"


def test_a_large_file_is_read_in_ranges(open_bucket, proxy):
    storage = open_bucket(proxy.port, timeout=30)
    storage.put("large", b"1" * (17 << 20))
    assert [len(piece) >> 20 for piece in storage.pieces("large")] == [8, 8, 1]


@pytest.mark.parametrize("number", range(1, 9))
def test_a_large_file_whose_answers_get_lost_arrives(open_bucket, proxy, tmp_path, head, number):
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(21 << 20)
    proxy.faults["*"] = [*[""] * (number - 1), "lost"]
    storage = open_bucket(proxy.port, part_size=5 << 20, timeout=30)
    storage.link(PoolLink("pool/large.deb", source, 21 << 20, ""))
    assert head("pool/large.deb")["ContentLength"] == 21 << 20


def test_a_file_larger_than_one_request_may_be_arrives(open_bucket, service, tmp_path, head, needs):
    needs("room for 5 GB")
    source = tmp_path / "sparse"
    size = (5 << 30) + 1
    with source.open("wb") as file:
        file.truncate(size)
    storage = open_bucket(service.port, part_size=64 << 20, timeout=120)
    storage.link(PoolLink("pool/largest.deb", source, size, ""))
    assert head("pool/largest.deb")["ContentLength"] == size
    storage.delete(["pool/largest.deb"])


def test_a_large_file_that_does_not_arrive_leaves_no_parts(
    open_bucket, proxy, tmp_path, direct, bucket
):
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(21 << 20)
    proxy.faults["PUT"] = ["503"] * 100
    with pytest.raises(RemoteError, match=r"upload part of .* failed 3 times: status 503"):
        open_bucket(proxy.port, part_size=5 << 20).link(
            PoolLink("pool/large.deb", source, 21 << 20, "")
        )
    assert direct.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_unfinished_uploads_are_given_up_when_they_are_old(storage, direct, bucket):
    direct.create_multipart_upload(Bucket=bucket, Key="deb/pool/a")
    (begun,) = direct.list_multipart_uploads(Bucket=bucket)["Uploads"]
    old = datetime.now(UTC) - begun["Initiated"] > timedelta(days=1)  # moto says 2010, always
    assert list(storage.list()) == []
    left = direct.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert (left == []) == old


def test_names_with_a_plus_are_stored_twice_for_services_that_take_it_for_a_blank(
    open_bucket, proxy, hello, direct, bucket
):
    def keys():
        found = direct.list_objects_v2(Bucket=bucket).get("Contents", ())
        return [item["Key"] for item in found]

    storage = open_bucket(proxy.port, plus_workaround=True)
    storage.link(hello._replace(path="pool/g++.deb"))
    assert keys() == ["deb/pool/g  .deb", "deb/pool/g++.deb"]
    assert list(storage.list()) == ["pool/g++.deb"]
    storage.delete(["pool/g++.deb"])
    assert keys() == []


def test_more_than_one_request_may_delete_are_deleted_in_several(storage, proxy):
    storage.put("pool/1000", b"")
    storage.delete(f"pool/{number}" for number in range(1_001))
    assert set(methods(proxy)) == {"PUT", "POST"}
    assert list(storage.list()) == []


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [
        ([1, 0, 30, 1, 1], [250, 500, 1000, 250]),
        ([20, 20, 5, 1, 1, 1], [250, 125, 62, 62, 124, 248, 496, 633]),
    ],
)
def test_a_service_that_deletes_slowly_is_asked_for_fewer_at_a_time(seconds, sizes):
    ends = list(itertools.accumulate([*seconds, *[0] * 10]))
    now = itertools.chain([0], *zip(ends, ends, strict=True))
    made = Deletions(60, clock=lambda: next(now))
    assert [len(keys) for keys in made.batches([""] * 2_000)] == sizes


def test_how_fast_a_service_deletes_is_remembered():
    made = Deletions(60, clock=lambda: 0)
    assert [len(keys) for keys in made.batches([""] * 2_000)] == [250, 500, 1000, 250]
    assert [len(keys) for keys in made.batches([""] * 2_000)] == [1000, 1000]


def test_where_many_cannot_be_deleted_at_once_they_are_one_by_one(open_bucket, proxy):
    storage = open_bucket(proxy.port, multi_delete=False)
    for name in "abc":
        storage.put(name, b"")
    storage.delete("abc")
    assert methods(proxy)[3:] == ["DELETE"] * 3
    assert list(storage.list()) == []


def test_a_public_url_is_told_with_names_quoted(open_bucket, proxy):
    storage = open_bucket(proxy.port, public_url="https://deb.example.org/x/")
    assert storage.url("pool/g++_1~b.deb") == "https://deb.example.org/x/pool/g%2B%2B_1~b.deb"


class TestUnquotedTags:
    """A service that takes entity tags without quotes only."""

    @pytest.fixture
    def strict(self):
        return {"unquoted": True}

    @pytest.mark.parametrize("conditional", ["auto", "yes", "unquoted"])
    def test_commits_are_made_and_refused(self, open_bucket, proxy, conditional, needs):
        needs("conditions", "quoted tags")
        storage = open_bucket(proxy.port, conditional_writes=conditional)
        storage.commit(COMMIT, b"1", expected=None)
        storage.commit(COMMIT, b"2", expected=b"1")
        with pytest.raises(Conflict, match=COMMIT):
            storage.commit(COMMIT, b"3", expected=b"1")
        assert storage.get(COMMIT) == b"2"

    def test_a_version_comes_back_in_the_form_that_is_wanted(self, open_bucket, proxy, needs):
        needs("conditions", "quoted tags")
        storage = open_bucket(proxy.port, conditional_writes="yes")
        version = storage.replace(COMMIT, b"2", version=storage.put(COMMIT, b"1"))
        proxy.seen.clear()
        version = storage.replace(COMMIT, b"3", version=version)
        open_bucket(proxy.port, conditional_writes="yes").replace(COMMIT, b"4", version=version)
        assert methods(proxy) == ["PUT", "PUT"]

    def test_a_commit_takes_one_request_where_that_is_configured(self, open_bucket, proxy, needs):
        needs("conditions", "quoted tags")
        storage = open_bucket(proxy.port, conditional_writes="unquoted")
        storage.commit(COMMIT, b"1", expected=None)
        storage.commit(COMMIT, b"2", expected=b"1")
        assert methods(proxy) == ["PUT", "PUT"]


def test_whether_conditions_are_heeded_is_found_out_in_one_request(open_bucket, proxy, needs):
    needs("conditions", "quoted tags")
    open_bucket(proxy.port, conditional_writes="auto").commit(COMMIT, b"1", expected=None)
    proxy.seen.clear()
    storage = open_bucket(proxy.port, conditional_writes="auto")
    with storage.exclusive(COMMIT):
        assert storage.get(COMMIT) == b"1"
        storage.commit(COMMIT, b"2", expected=b"1")
    assert methods(proxy) == ["PUT", "PUT", "GET", "PUT", "DELETE"]


@pytest.mark.parametrize("conditional", ["yes", "no"])
def test_a_lock_of_somebody_else_is_waited_for_and_an_old_one_is_not(
    open_bucket, proxy, monkeypatch, needs, conditional
):
    if conditional == "yes":
        needs("conditions")
    storage = open_bucket(proxy.port, conditional_writes=conditional)
    other = open_bucket(proxy.port, conditional_writes=conditional)
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with storage.exclusive(COMMIT):
        with pytest.raises(Conflict, match="another publisher has been publishing"):
            other.exclusive(COMMIT).__enter__()
        monkeypatch.setattr(locks, "LIFE", -60)
        with other.exclusive(COMMIT):
            pass
    assert list(storage.list()) == []


def test_a_lock_that_its_owner_could_not_give_back_is_no_obstacle_to_it(open_bucket, proxy):
    storage = open_bucket(proxy.port)
    with storage.exclusive(COMMIT):
        proxy.faults["DELETE"] = ["503"] * 3
    assert proxy.faults["DELETE"] == []
    with storage.exclusive(COMMIT):
        pass


def test_owners_are_told_apart_by_their_root(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    assert locks.owner(tmp_path / "a") == locks.owner(tmp_path / "a")
    assert locks.owner(tmp_path / "a") != locks.owner(tmp_path / "b")
    assert locks.owner(tmp_path / "none") != locks.owner(tmp_path / "other")  # to restore to


def test_a_busy_service_is_asked_less_at_a_time(storage, proxy):
    proxy.faults["PUT"] = ["503"] * 2
    lanes = storage._client.lanes
    storage.put("a", b"")
    assert lanes.limit < 16
    for _ in range(300):
        lanes.widen()
    assert lanes.limit == 16


def test_no_more_are_under_way_than_there_are_lanes():
    lanes, under_way, most = Lanes(3), itertools.count(), []
    busy = set()

    def work(number):
        with lanes:
            busy.add(number)
            most.append(len(busy))
            next(under_way)
            busy.discard(number)

    side_by_side(work, range(200), 12)
    assert next(under_way) == 200
    assert max(most) <= 3


def test_the_first_failure_ends_work_side_by_side():
    done, lock = [], threading.Lock()

    def work(number):
        if number == 7:
            raise RemoteError("seven")
        with lock:
            done.append(number)

    with pytest.raises(RemoteError, match="seven"):
        side_by_side(work, itertools.count(), 4)
    assert 7 not in done


def test_a_role_is_assumed(open_bucket, proxy, service, direct, settings):
    if services.VARIABLE in os.environ:
        pytest.skip("only the test server hands out roles")
    endpoint = f"http://127.0.0.1:{service.port}"
    role = "arn:aws:iam::123456789012:role/publisher"
    given = {**settings, "endpoint": endpoint, "role_arn": role, "prefix": ""}
    S3Storage(options.read("x", given)).put("a", b"1")
    assert direct.get_object(Bucket=settings["bucket"], Key="a")["Body"].read() == b"1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bucket": ""}, "storage s3:x has no bucket"),
        ({"checksum": "md4"}, r"storage\.s3\.x\.checksum is 'md4'"),
        ({"encryption": "rot13"}, r"storage\.s3\.x\.encryption is 'rot13'"),
        ({"part_size": 100}, r"part_size has to be 5242880 or more"),
        ({"connections": 0}, r"connections has to be 1 or more"),
        ({"access_key_id": "AKID"}, "needs access_key_id and secret_access_key together"),
        ({"kms_key_id": "key"}, "kms_key_id needs encryption"),
        ({"endpoint": "https://"}, "endpoint is not a URL"),
    ],
)
def test_what_is_configured_wrongly_is_said(tmp_path, given, message):
    with pytest.raises(InvalidInput, match=message):
        S3Storage.open("x", {"bucket": "b", "region": "us-east-1", **given}, tmp_path)


def test_without_credentials_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    storage = S3Storage.open("x", {"bucket": "b", "endpoint": "http://127.0.0.1:1"}, tmp_path)
    with pytest.raises(InvalidInput, match="there are no credentials") as caught:
        storage.put("a", b"")
    assert "access_key_id" in caught.value.hint


def test_a_profile_that_is_not_there_is_said_not_to_be(tmp_path):
    given = {"bucket": "b", "region": "us-east-1", "profile": "nobody"}
    with pytest.raises(InvalidInput, match="there is no profile nobody"):
        S3Storage.open("x", given, tmp_path).put("a", b"")


def test_without_the_library_it_says_what_to_install(monkeypatch, tmp_path):
    for name in ("debrepo_publish_s3.client", "debrepo.wire.web_service", "debrepo.wire.transfer"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pycurl", None)
    with pytest.raises(PluginError, match="needs pycurl") as caught:
        S3Storage.open("x", {"bucket": "b"}, tmp_path).put("a", b"")
    assert "pip install" in caught.value.hint


def test_the_library_is_not_imported_before_it_is_needed():
    code = "import sys, debrepo_publish_s3.storage; print('pycurl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_checksums_of_many_objects_take_a_request_each(open_bucket, proxy, tmp_path):
    storage = open_bucket(proxy.port)
    files = {f"pool/{n}.deb": b"%d" % n for n in range(30)}
    storage.put_all(files, cache="immutable")
    proxy.reset()
    found = dict(storage.sha256_all(files))
    assert found == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert [request.method for request in proxy.seen] == ["GET"] * 30


def test_object_of_several_ranges_arrives_whole(open_bucket, proxy, monkeypatch):
    monkeypatch.setattr(ranges, "_RANGE", 1000)
    storage = open_bucket(proxy.port)
    for size in (0, 1, 999, 1000, 1001, 3500):
        data = bytes(range(250)) * 14
        storage.put("dists/x", data[:size])
        assert b"".join(storage.pieces("dists/x")) == data[:size]
