"""What says which lesions there are."""

import json

import pytest

from rarepix.data.source import DataError
from rarepix.data.sources.lesion_description import read_description


def test_dataset_json_comes_first(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": ["a", "b"], "codes": ["A", "B"], "above": 5}))
    (tmp_path / "classes.txt").write_text("c\n")
    found = read_description(tmp_path)
    assert (found.numbers(), found.above) == ({"a": 0, "b": 1, "A": 0, "B": 1}, 5)


@pytest.mark.parametrize("file", ["classes.txt", "class_names.txt"])
@pytest.mark.parametrize(("text", "numbers"), [("a\n\nb b \n", {"a": 0, "b b": 1}), ("a,A\n", {"a": 0, "A": 0})])
def test_lines(tmp_path, file, text, numbers):
    (tmp_path / file).write_text(text)
    assert read_description(tmp_path).numbers() == numbers


def test_refuses_lines_of_another_encoding(tmp_path):
    (tmp_path / "classes.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError, match=r"classes\.txt must be UTF-8 text"):
        read_description(tmp_path)


@pytest.mark.parametrize("text", ["", "a,b,c\n", "a,A\nb\n", "a,\n"])
def test_refuses_lines(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(DataError, match=r"classes\.txt must hold a name, or a name and its code"):
        read_description(tmp_path)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"classes": ["a"], "codes": ["A", "B"]}, r"codes must name each of the 1 classes, but has 2"),
        ({"classes": ["a"], "task": "multiclass"}, r"task must be multilabel or binary, since lesions overlap"),
        ({"classes": ["background", "a"]}, r"classes must be the lesions alone, but one is background: leave it out"),
        ({"classes": ["a", "b"], "codes": ["x", "x"]}, r"codes must tell the classes apart, but 'x' is of 'a' and 'b'"),
        ({"classes": ["a", "b"], "codes": ["b", "c"]}, r"codes must tell the classes apart, but 'b' is of 'b' and 'a'"),
        ({"classes": ["a"], "above": 255}, r"above: Input should be less than 255"),
    ],
)
def test_refuses_descriptions(tmp_path, description, message):
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(DataError, match=rf"dataset\.json: {message}"):
        read_description(tmp_path)


def test_nothing_says_it(tmp_path):
    with pytest.raises(DataError, match=r"has no dataset\.json, no classes\.txt and no class_names\.txt: write"):
        read_description(tmp_path)
