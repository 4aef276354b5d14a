"""What is odd about a whole dataset: classes in no image, masks that may be of 0 and 255, files of macOS."""

import pandas as pd

from rarepix.data.inventory.findings import find_oddities
from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.labels import LabelSpace, Task

TWO = LabelSpace(names=("plate", "defect"), background=0, task=Task.BINARY)


def table(*rows: tuple[int, int, int]) -> pd.DataFrame:
    return pd.DataFrame([*rows], columns=["plate", "defect", "border"])


def oddities(root, counts, *, labels: LabelSpace = TWO, whole: bool = True, stored_ids: bool = True) -> list[Problem]:
    return find_oddities(root, counts, labels, whole=whole, stored_ids=stored_ids)


def kinds(root, counts, **keys) -> list[ProblemKind]:
    return [problem.kind for problem in oddities(root, counts, **keys)]


def test_a_class_in_no_image(tmp_path):
    (problem,) = oddities(tmp_path, table((8, 0, 0), (8, 0, 0)))
    assert problem.kind is ProblemKind.ABSENT
    assert "none holds defect: correct the masks" in problem.message
    assert kinds(tmp_path, table((8, 0, 0)), whole=False) == []  # a list need not hold every class
    assert kinds(tmp_path, table((8, 0, 0), (4, 4, 0))) == []


def test_255_beside_no_object_is_told(tmp_path):
    absent, full_scale = oddities(tmp_path, table((6, 0, 2), (6, 0, 2)))
    assert "none holds defect, and 2 of 2 masks hold ignored pixels (255): correct" in absent.message
    assert full_scale.kind is ProblemKind.FULL_SCALE
    assert "2 masks hold 255, which is ignored, and none of them holds 1, 'defect': if 255 means" in full_scale.message
    assert kinds(tmp_path, table((6, 0, 2), (6, 2, 0))) == [ProblemKind.FULL_SCALE]
    assert kinds(tmp_path, table((6, 0, 2), (6, 1, 1))) == []  # borders of objects are ignored
    assert kinds(tmp_path, table((6, 0, 2), (6, 2, 0)), stored_ids=False) == []  # such as crowds of COCO


def test_files_of_macos_are_counted(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("._a.png", "images/._b.png", "images/b.png", ".hidden"):
        (tmp_path / name).touch()
    (problem,) = oddities(tmp_path, table((4, 4, 0)))
    assert problem.kind is ProblemKind.COMPANIONS
    assert problem.message == f"2 files ._* in {tmp_path} were passed over"
