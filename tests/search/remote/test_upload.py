"""What goes to other machines with the code: NNI's own program decides, on this checkout and on bad ones."""

import subprocess
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from rarepix.search.checks import upload
from tests.house.source import CHECKOUT


def packed(code: Path, place: Path) -> tarfile.TarFile:
    nni = Path(find_spec("nni_node").origin).parent
    subprocess.run([nni / "node", "-e", upload.PACK, nni, code, place], env={}, check=True)
    return tarfile.open(place / "tarball" / "code.tgz")


def test_of_this_checkout_the_code_goes_and_little_else(tmp_path: Path) -> None:
    with packed(CHECKOUT, tmp_path) as archive:
        names = archive.getnames()
    assert {"trials/segment.py", "trials/recipes/demo.yaml", "src/rarepix/search/nni/patch/main.cjs"} <= set(names)
    top = {name.partition("/")[0] for name in names}
    assert top & {".git", ".venv", "data", "results", "tests", "docs", "analysis", "bench", "build"} == set()
    assert [name for name in names if "__pycache__" in name or ".egg-info" in name] == []
    assert len(names) < 400
    assert (tmp_path / "tarball" / "code.tgz").stat().st_size < 2**20


def test_a_checkout_can_be_sent() -> None:
    assert upload.problems(CHECKOUT) == []


@pytest.mark.parametrize(
    ("files", "size", "why"), [(2001, 0, "too many files"), (1, 301 * 2**20, "too large")], ids=["many", "large"]
)
def test_what_nni_does_not_send_is_refused(tmp_path: Path, files: int, size: int, why: str) -> None:
    (tmp_path / "heap").mkdir()
    for number in range(files):
        with (tmp_path / "heap" / str(number)).open("wb") as file:
            file.truncate(size)
    (found,) = upload.problems(tmp_path)
    assert why in found
    assert f"in {tmp_path / '.nniignore'} (as in a .gitignore)" in found
    (tmp_path / ".nniignore").write_text("heap\n")
    assert upload.problems(tmp_path) == []
