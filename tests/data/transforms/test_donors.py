"""Which classes are pasted, how often, and where their donors are."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from rarepix import records
from rarepix.choices import ChoiceError
from rarepix.data.source import DataError
from rarepix.data.transforms.donors import donor_classes, donor_rows, read_scores
from rarepix.data.transforms.settings import PasteConfig
from rarepix.labels import LabelSpace

LABELS = LabelSpace(names=("ground", "house", "tree", "kite", "beacon"), background=0)
IMAGES = {"ground": 20, "house": 16, "tree": 10, "kite": 4, "beacon": 2}


def table(images: dict[str, int] = IMAGES) -> pd.DataFrame:
    """Pixel counts of 20 images, of which the first so many hold each class."""
    return pd.DataFrame({name: np.where(np.arange(20) < held, 7, 0) for name, held in images.items()})


def chosen(images: dict[str, int] = IMAGES, labels: LabelSpace = LABELS, **paste) -> dict[str, float]:
    result = donor_classes(PasteConfig(kind="copy_paste", **paste).parameters(), table(images), labels)
    assert (result >= 0).all()
    assert result.sum() == pytest.approx(1)
    assert (result.name, result.index.name) == ("probability", "class")
    return result.to_dict()


def test_by_count_is_the_rarer_the_oftener_below_the_mean():
    assert chosen() == pytest.approx({"kite": 1 / 3, "beacon": 2 / 3})  # 4 and 2, below (16 + 10 + 4 + 2) / 4 = 8


def test_by_count_below_a_number():
    assert chosen(below=11) == pytest.approx({"tree": 2 / 17, "kite": 5 / 17, "beacon": 10 / 17})
    assert chosen(below=3) == {"beacon": 1.0}


def test_by_count_counts_every_class_of_a_dataset_without_background():
    everything = dataclasses.replace(LABELS, background=None)  # mean 10.4
    assert set(chosen(labels=everything)) == {"tree", "kite", "beacon"}


def test_by_count_of_classes_that_are_alike_is_all_of_them():
    assert chosen(dict.fromkeys(IMAGES, 5)) == dict.fromkeys(("house", "tree", "kite", "beacon"), 0.25)


def test_by_count_of_the_one_class_beside_the_background():
    labels = LabelSpace(names=("ground", "house"), background=0)
    assert chosen({"ground": 20, "house": 16}, labels) == {"house": 1.0}


def test_by_count_below_what_every_class_has():
    with pytest.raises(
        DataError, match=r"fewer than 5 training images hold, but the scarcest, house, is in 5: give a lar"
    ):
        chosen(dict.fromkeys(IMAGES, 5), below=5)


def test_listed_as_often_as_named():
    assert chosen(donors="listed", classes=("house", "kite", "house")) == pytest.approx({"house": 2 / 3, "kite": 1 / 3})


def test_listed_but_unknown_names_the_nearest():
    with pytest.raises(ChoiceError, match="unknown class in paste.classes 'becon': did you mean 'beacon'"):
        chosen(donors="listed", classes=("kite", "becon"))


def test_the_background_cannot_be_listed():
    with pytest.raises(ChoiceError, match="'ground': valid: beacon, house, kite, tree"):
        chosen(donors="listed", classes=("ground",))


def test_listed_but_in_no_image():
    with pytest.raises(DataError, match="none of this fold's holds kite: leave it out, or use another fold"):
        chosen({**IMAGES, "kite": 0}, donors="listed", classes=("kite", "beacon", "kite"))


def test_uniform_is_all_but_the_background():
    assert chosen(donors="uniform") == {"house": 0.25, "tree": 0.25, "kite": 0.25, "beacon": 0.25}


@pytest.mark.parametrize("donors", ["by_count", "uniform"])
def test_a_class_that_no_image_holds_is_never_drawn_and_there_is_a_warning(donors):
    with pytest.warns(UserWarning, match="not pasted, since no training image holds them: kite"):
        result = chosen({**IMAGES, "kite": 0}, donors=donors)
    assert result["kite"] == 0
    assert result["beacon"] > 0


def test_no_class_left():
    with pytest.raises(
        DataError, match=r"by_count chose beacon, which no training image holds: choose other classes, or"
    ):
        chosen({**IMAGES, "beacon": 0}, below=1)


def scores_file(folder, text: str) -> str:
    file = folder / "scores.csv"
    file.write_text(text)
    return str(file)


SCORES = "class,score\nground,99\nhouse,80\ntree,41\nkite,40\nbeacon,1\n"


def test_by_score_takes_those_below_the_mean_alike(tmp_path):
    file = scores_file(tmp_path, SCORES)  # mean without the background 40.5
    assert chosen(donors="by_score", scores=file) == {"kite": 0.5, "beacon": 0.5}
    assert chosen(donors="by_score", scores=scores_file(tmp_path, SCORES.replace("ground,99\n", ""))) == {
        "kite": 0.5,
        "beacon": 0.5,
    }


def test_by_score_takes_as_many_as_are_asked_for(tmp_path):
    file = scores_file(tmp_path, SCORES)
    assert set(chosen(donors="by_score", scores=file, lowest=3)) == {"tree", "kite", "beacon"}
    with pytest.raises(DataError, match="paste.lowest must be at most the number of classes with a score, 4, not 5"):
        chosen(donors="by_score", scores=file, lowest=5)


def test_the_place_of_the_scores_may_name_a_variable(tmp_path, monkeypatch):
    scores_file(tmp_path, SCORES)
    monkeypatch.setenv("RAREPIX_TEST_SCORES", str(tmp_path))
    assert chosen(donors="by_score", scores="$RAREPIX_TEST_SCORES/scores.csv", lowest=1) == {"beacon": 1.0}


def test_scores_that_are_all_alike_choose_all(tmp_path):
    file = scores_file(tmp_path, "class,score\nhouse,1\ntree,1\nkite,1\nbeacon,1\n")
    assert set(chosen(donors="by_score", scores=file).values()) == {0.25}


def test_a_class_without_a_score_is_never_drawn_and_there_is_a_warning(tmp_path):
    file = scores_file(tmp_path, SCORES.replace("beacon,1", "beacon,"))
    with pytest.warns(UserWarning, match="has no score: beacon"):
        assert chosen(donors="by_score", scores=file, lowest=1) == {"kite": 1.0, "beacon": 0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SCORES.replace("kite,40\n", ""), "but lacks kite"),
        (SCORES + "mean,44\n", "but names mean, which the dataset does not have"),
        (SCORES.replace("tree", "bush"), "but lacks tree and names bush, which the dataset does not have"),
        (SCORES.replace("score", "iou"), "must have the columns class and score, but has class, iou"),
        (SCORES.replace("41", "much"), "the column score of .* must hold numbers, but holds"),
        (SCORES + "tree,7\n", "must name each class once, but names these more often: tree"),
        (SCORES.replace("41", "-inf"), "the scores of .* must be finite, but that of tree is not"),
        (re.sub(r"\d+", "", SCORES), "must have a score of at least one class but the background, but all are empty"),
        ("", "must be a record.json or a CSV table, but .*scores.csv is neither: No columns to parse from file"),
        (SCORES + "a,b,c,d\n", "is neither: Error tokenizing data"),
    ],
)
def test_scores_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        chosen(donors="by_score", scores=scores_file(tmp_path, text))


def test_scores_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match=re.escape(f"but {tmp_path / 'none.csv'} does not exist")):
        chosen(donors="by_score", scores=str(tmp_path / "none.csv"))


def test_scores_that_are_no_text(tmp_path):
    (tmp_path / "scores.csv").write_bytes(b"class,score\n\xff\xfe,1\n")
    for path in (tmp_path / "scores.csv", tmp_path):
        with pytest.raises(DataError, match=re.escape(f"but {path} is neither: ")):
            chosen(donors="by_score", scores=str(path))


def test_of_a_record_the_validation_alone_is_read(finished, tmp_path):
    """A trial that tested well on what it validated badly: the test counts say the contrary and change nothing."""
    tree = json.loads((finished.folder / "record.json").read_text())
    names = tree["dataset"]["classes"]

    def counts(iou: dict[str, int]) -> dict[str, dict[str, int]]:
        return {name: {"tp": iou[name], "fp": 4, "fn": 6, "tn": 5} for name in names}

    iou = dict(zip(names, (90, 30, 10, 0), strict=True))
    tree["counts"] = {"val": counts(iou), "test": counts(dict(zip(names, (0, 10, 30, 90), strict=True)))}
    file = tmp_path / "record.json"
    file.write_text(json.dumps(tree))
    expected = {name: value / (value + 10) for name, value in iou.items()}
    assert read_scores(file).to_dict() == pytest.approx(expected)
    tree["counts"].pop("test")
    file.write_text(json.dumps(tree))
    assert read_scores(file).to_dict() == pytest.approx(expected)


def test_a_class_that_validation_has_not_seen_has_no_score(finished, tmp_path):
    tree = json.loads((finished.folder / "record.json").read_text())
    for value in tree["counts"].values():
        value["dot"] = {"tp": 0, "fp": 0, "fn": 0, "tn": 50}
    file = tmp_path / "record.json"
    file.write_text(json.dumps(tree))
    assert read_scores(file).index[read_scores(file).isna()].tolist() == ["dot"]


def test_a_record_of_a_trial_that_did_not_validate(finished, tmp_path):
    tree = json.loads((finished.folder / "record.json").read_text())
    file = tmp_path / "record.json"
    file.write_text(json.dumps(tree | {"counts": {}, "status": "failed"}))
    with pytest.raises(
        DataError, match="must have validation counts, but has none: give the record of a complete trial"
    ):
        read_scores(file)
    file.write_text("{}")
    with pytest.raises(records.RecordError, match="must be a whole record"):
        read_scores(file)
    file.write_text(json.dumps({"schema": tree["schema"], "kind": "other"}))
    with pytest.raises(records.RecordError, match="is not a record of schema") as caught:
        read_scores(file)
    assert len(str(caught.value).splitlines()) == 1


def test_donors_are_the_images_that_hold_a_class():
    rows = donor_rows(table({"a": 3, "b": 0, "c": 20}), pd.Index(["c", "a"]))
    assert [result.tolist() for result in rows] == [[*range(20)], [0, 1, 2]]
