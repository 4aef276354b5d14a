"""Paths: an argument takes precedence over the environment, which takes precedence over the default."""

from pathlib import Path

import pytest

from rarepix.paths import PathsError, cache_root, expand, recipes_root

CHECKOUT = Path(__file__).parents[1]


def test_recipes_are_in_the_checkout(monkeypatch):
    monkeypatch.delenv("RAREPIX_RECIPES", raising=False)
    assert recipes_root() == CHECKOUT / "trials" / "recipes"


def test_recipes_root_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("RAREPIX_RECIPES", str(tmp_path))
    assert recipes_root() == tmp_path


def test_cache_root_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("RAREPIX_CACHE", str(tmp_path))
    assert cache_root() == tmp_path


@pytest.mark.parametrize("value", [None, ""])
def test_cache_is_in_the_home_folder_otherwise(monkeypatch, tmp_path, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAREPIX_CACHE") if value is None else monkeypatch.setenv("RAREPIX_CACHE", value)
    assert cache_root() == tmp_path / ".cache" / "rarepix"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("data/demo", "data/demo"),
        ("$SOMEWHERE/camvid", "/set/here/camvid"),
        ("${SOMEWHERE}/camvid", "/set/here/camvid"),
        ("~/camvid", "/my/home/camvid"),
        (Path("$SOMEWHERE"), "/set/here"),
    ],
)
def test_expand(monkeypatch, given, path):
    monkeypatch.setenv("SOMEWHERE", "/set/here")
    monkeypatch.setenv("HOME", "/my/home")
    assert expand(given) == Path(path)


def test_an_unset_variable_is_refused(monkeypatch):
    monkeypatch.delenv("SOMEWHERE", raising=False)
    with pytest.raises(
        FileNotFoundError, match=r"every variable .* must be set, but got '\$SOMEWHERE/camvid': set it, write NAME="
    ):
        expand("$SOMEWHERE/camvid")


def write_names(home: Path, text: str) -> None:
    file = home / ".config" / "rarepix" / "paths.env"
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_paths_of_a_machine_are_read_from_its_file(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_names(tmp_path, "# data\n\nSOMEWHERE = ~/disk\nELSEWHERE=/mnt/with space\n")
    monkeypatch.delenv("SOMEWHERE", raising=False)
    assert expand("$SOMEWHERE/camvid") == tmp_path / "disk" / "camvid"
    assert expand("${ELSEWHERE}") == Path("/mnt/with space")
    monkeypatch.setenv("SOMEWHERE", "/set/here")
    assert expand("$SOMEWHERE/camvid") == Path("/set/here/camvid"), "the environment beats the file"


@pytest.mark.parametrize("line", ["SOMEWHERE", "SOMEWHERE=", "SOME WHERE=/a", "export SOMEWHERE=/a", "=/a=b"])
def test_a_line_without_a_path_is_refused(monkeypatch, tmp_path, line):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_names(tmp_path, f"GOOD=/good\n{line}\n")
    with pytest.raises(PathsError, match=r"paths\.env:2 must be of the form NAME=/path, but is"):
        expand("$GOOD")
