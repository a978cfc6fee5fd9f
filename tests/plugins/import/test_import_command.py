"""``debrepo import``: what it says where there is nothing to bring."""


def test_a_folder_without_a_database_of_aptly_is_named(debrepo, tmp_path):
    result = debrepo("import", "aptly", str(tmp_path), exit_code=3)
    assert f"{tmp_path} has no database of aptly" in result.stderr
