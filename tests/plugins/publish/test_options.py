"""What users of aptly type means something here too."""

import pytest

from debrepo.clock import parse_duration
from debrepo.config import Config
from debrepo.errors import InvalidInput, NotFound
from debrepo.refs import Setting
from debrepo_publish.model.documents import changed, checked
from debrepo_publish.model.publication import Publication

PUBLICATION = Publication("", ".", "stable", {"main": "repo:tools"})


@pytest.fixture
def published(debrepo):
    debrepo("repo", "create", "tools")
    debrepo(
        *("publish", "repo", "tools", "--distribution", "stable"),
        *("--architectures", "amd64", "--skip-signing", "--compressions", "gz,bz2"),
        *("--acquire-by-hash", "--batch", "--force-overwrite", "--skip-contents"),
    )


def test_switches_of_aptly_are_taken(debrepo, debrepo_root, published):
    result = debrepo(
        *("publish", "update", "stable", "--skip-bz2", "--batch", "--skip-cleanup"),
        *("--keyring", "trustedkeys.gpg"),
    )
    assert "--keyring is ignored" in result.stderr
    release = (debrepo_root / "public/dists/stable/Release").read_text()
    assert "Packages.gz" in release
    assert "Packages.bz2" not in release


def test_publication_can_be_dropped_with_its_files_left(debrepo, debrepo_root, published):
    debrepo("publish", "drop", "stable", "--skip-cleanup", "--force-drop")
    assert not (debrepo_root / "public/dists/stable/Release").exists()
    assert (debrepo_root / "public/dists/stable/main").exists()
    debrepo("publish", "show", "stable", exit_code=NotFound.exit_code)


def test_option_stands_above_the_configuration(tmp_path):
    path = tmp_path / "debrepo.toml"
    path.write_text('signing.gpg.passphrase_file = "old"\n')
    setting = Setting("signing.gpg.passphrase_file", "", "File with the passphrase")
    config = Config([setting], path, {})
    config.override(setting.name, "new", "--passphrase-file")
    assert config[setting.name] == "new"
    assert [found.origin for found in config] == ["--passphrase-file"]


@pytest.mark.parametrize("name", ["valid_for", "keep_generations", "grace"])
@pytest.mark.parametrize("number", [-1, 253402300800, (1 << 63) - 1])
def test_number_that_no_date_holds_is_refused(name, number):
    with pytest.raises(InvalidInput, match=f"{name} cannot be"):
        checked(PUBLICATION._replace(**{name: number}))


def test_skip_bz2_is_one_compression_less():
    wanted = PUBLICATION._replace(compressions=("gz", "bz2"))
    assert changed(wanted, {"skip_bz2": True}, {}).compressions == ("gz",)
    assert changed(wanted, {"compressions": ("bz2", "xz"), "skip_bz2": True}, {}).compressions == (
        "xz",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"compressions": ("rar",)}, "no compression called rar"),
        ({"compressions": ()}, "no compression called nothing"),
        ({"sums": ("crc",)}, "no checksum called crc"),
        ({"sums": ("md5",)}, "apt needs a strong checksum"),
        ({"origin": "two\nlines"}, "origin has to be one line"),
        ({"but_automatic_upgrades": True}, "needs NotAutomatic"),
    ],
)
def test_archive_that_could_not_be_is_refused(fields, message):
    with pytest.raises(InvalidInput, match=message):
        checked(PUBLICATION._replace(**fields))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("2h", 7200), ("1w", 604800)]
)
def test_length_of_time(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1d", "1q", "d"])
def test_no_length_of_time(text):
    with pytest.raises(InvalidInput, match="not a length of time"):
        parse_duration(text)
