"""Room on the disks."""

import shutil
from pathlib import Path

from rarepix.search.checks.disk import LEAST, disk_problems


def test_enough_room(tmp_path: Path) -> None:
    assert disk_problems({"results": tmp_path}, least=1) == []


def test_too_little_room_for_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    wanted = shutil.disk_usage(tmp_path).free + 2**40
    (line,) = disk_problems({"results": tmp_path / "not" / "yet"}, least=wanted)
    assert line.startswith(f"results need {wanted / 2**30:.0f} GiB at least, but {tmp_path} has ")
    assert line.endswith("make room, or choose another place")


def test_a_file_system_that_is_full() -> None:
    """Linux's is always full, of 0 bytes."""
    assert len(disk_problems({"results": Path("/proc/results"), "NNI's records": Path("/proc")}, least=LEAST)) == 2
