import pytest

from rarepix.files import replacing, write_text


def test_the_file_appears_at_the_end_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with replacing(path) as temporary:
        temporary.write_text("1")
        assert not path.exists()
        assert temporary.parent == path.parent  # on the same file system, so that the replacement is one step
        assert temporary.suffix == ".csv"
    assert path.read_text() == "1"
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]


def test_after_an_error_the_old_file_is_whole_and_nothing_else_is_there(tmp_path):
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
