"""How many objects are found in how many requests."""

from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.object_storage import side_by_side
from debrepo.wire.transfer import WireAnswer
from debrepo_publish_s3 import listing

NAMES = st.sets(st.text("ab+~", min_size=1, max_size=4), max_size=60)


class Bucket:
    """Lists like a service whose pages are short."""

    def __init__(self, keys, page):
        self.keys, self.page, self.asked = sorted(keys), page, 0

    def ask(self, what, method, key, *, query):
        self.asked += 1
        after = max(query.get("start-after", ""), query.get("continuation-token", ""))
        found = [key for key in self.keys if key.startswith(query["prefix"]) and key > after]
        page = found[: self.page]
        rows = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(key)}</Size><ETag>{key}</ETag></Contents>"
            for key in page
        )
        if len(found) > len(page):
            rows += "<IsTruncated>true</IsTruncated>"
            rows += f"<NextContinuationToken>{page[-1]}</NextContinuationToken>"
        return WireAnswer(200, {}, f"<List>{rows}</List>".encode())


@given(NAMES, st.integers(1, 50))
def test_all_keys_are_listed_in_their_order(names, page):
    assert list(listing.keys(Bucket(names, page), "a")) == sorted(
        name for name in names if name.startswith("a")
    )


@settings(max_examples=200)
@given(NAMES, NAMES, st.integers(20, 50))
def test_what_is_found_is_there_and_nothing_is_asked_in_vain(names, wanted, page):
    bucket, wanted = Bucket({f"p/{name}" for name in names}, page), {f"p/{n}" for n in wanted}
    found = listing.find(bucket, "p/", sorted(wanted))
    assert found.items() <= {key: (len(key), key) for key in bucket.keys}.items()
    assert found.keys() <= wanted
    assert bucket.asked <= len(wanted) // 20 + 1


@given(st.integers(1, 400), st.integers(40, 100))
def test_what_lies_close_together_is_found_in_as_many_requests_as_there_are_pages(number, page):
    keys = [f"pool/{n:04}" for n in range(number)]
    bucket = Bucket(keys, page)
    assert listing.find(bucket, "", keys).keys() == set(keys)
    assert bucket.asked == -(-number // page)


def test_many_are_looked_for_in_few_requests(open_bucket, proxy):
    storage = open_bucket(proxy.port)
    paths = [f"pool/{n:03}.deb" for n in range(100)]
    side_by_side(lambda path: storage.put(path, path.encode()), paths, 8)
    storage.delete(paths[40:50])
    proxy.seen.clear()
    found = dict(storage.stat_all([*paths, "dists/InRelease"]))
    assert [path for path, there in found.items() if there] == [*paths[:40], *paths[50:]]
    assert [request.method for request in proxy.seen] == ["GET"] + ["HEAD"] * 11
