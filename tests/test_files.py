import pytest

from rarepix.files import naming, replacing, sha256, write_text


def test_the_file_appears_at_the_end_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replacing(path) as temporary:
        temporary.write_text("1")
        assert not path.exists()
        assert temporary.parent == path.parent  # on the same file system, so that the replacement is one step
        assert temporary.suffix == ".csv"
    assert path.read_text() == "1"
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]


def test_after_an_error_only_the_old_file_is_left(tmp_path):
    path = tmp_path / "record.json"
    write_text(path, "old")

    def break_off() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        break_off()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_the_file_can_be_read_by_others(tmp_path):
    write_text(tmp_path / "record.json", "{}")
    assert (tmp_path / "record.json").stat().st_mode & 0o777 == 0o644


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "results").write_text("a file where a folder should be")
    path = tmp_path / "results" / "study" / "record.json"
    with pytest.raises(
        OSError, match=r"record\.json must be written whole, but: Not a directory; .*choose another place"
    ):
        write_text(path, "{}")


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"), naming(tmp_path):
        (tmp_path / "nothing").read_text()


def test_the_digest_of_a_file_by_its_published_value(tmp_path):
    """Those of FIPS 180-4 for "abc" and of nothing."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"")
    assert sha256(path) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
