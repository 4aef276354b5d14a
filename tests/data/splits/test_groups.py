"""Groups read from the files that datasets bring along."""

import pandas as pd
import pytest

from rarepix.data.settings import GroupsConfig
from rarepix.data.source import DataError
from rarepix.data.splits.groups import read_groups

FRAMES = "name,split,sequence\n0001TP_006690,train,0001TP\n0006R0_f00930,train,0006R0\n0001TP_006720,val,0001TP\n"
LABELS = "image,class,group\nimages/exp1_num_524.jpg,uneven,0\nimages/exp5_num_964.jpg,free,1\n"


def read(folder, text: str, ids: list[str], **config) -> pd.Series:
    (folder / "groups.csv").write_text(text)
    return read_groups(folder, GroupsConfig(**{"file": "groups.csv", "column": "group"} | config), ids)


def test_images_by_id(tmp_path):
    ids = ["0006R0_f00930", "0001TP_006720"]
    result = read(tmp_path, FRAMES, ids, column="sequence", image="name")
    assert result.to_dict() == {"0006R0_f00930": "0006R0", "0001TP_006720": "0001TP"}
    assert (result.index.tolist(), result.name, result.index.name) == (ids, "group", "image")


def test_images_by_path(tmp_path):
    result = read(tmp_path, LABELS, ["exp5_num_964", "exp1_num_524"])
    assert result.to_dict() == {"exp5_num_964": "1", "exp1_num_524": "0"}


def test_an_id_with_dots_and_slashes_is_an_id(tmp_path):
    text = "image,group\na/b.c,1\nb.c,2\n"
    assert read(tmp_path, text, ["a/b.c", "b.c"]).to_dict() == {"a/b.c": "1", "b.c": "2"}


def test_an_image_may_come_twice_with_one_group(tmp_path):
    assert read(tmp_path, "image,group\na,x\na,x\n", ["a"]).to_dict() == {"a": "x"}


def test_names_stay_text(tmp_path):
    """01 and 1 are two patients; NA is a name."""
    result = read(tmp_path, "image,group\n001,01\n002,1\n003,NA\n", ["001", "002", "003"])
    assert result.tolist() == ["01", "1", "NA"]


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        (LABELS, {"file": "lables.csv"}, "lables.csv must exist, but does not: correct data.groups.file"),
        (LABELS, {"column": "gruop"}, "the column of data.groups.column, but has no 'gruop': did you mean 'group'"),
        (LABELS, {"image": "name"}, "the column of data.groups.image, but has no 'name': it has image, class, group"),
        ("image,group\nb,1\n", {}, "must name every image that is split, but lacks a: add"),
        ("image,group\na,1\nb,2\na,2\n", {}, "an image in one group, but puts in several: a: keep one each"),
        ("image,group\na,\nb,1\n", {}, "must give every image a 'group', but gives none to a"),
        ("", {}, "must be a CSV file with a header, but"),
        ("image,group\na,1\nb,1,2,3\n", {}, "must be a CSV file with a header, but"),
    ],
)
def test_refuses(tmp_path, text, config, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text, ["a", "b"], **config)


def test_names_ten_of_many(tmp_path):
    with pytest.raises(DataError, match=r"lacks i0, i1, .*, i9 … and 15 more: add"):
        read(tmp_path, "image,group\n", [f"i{number}" for number in range(25)])
