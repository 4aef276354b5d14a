"""Class by class: pairing, absence, one family, and the words for where a difference comes from."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.study.class_differences import class_differences, compared_split, gains_and_costs
from tests.analysis.study.synthetic import tables_of

PIXELS = {"bottle": 10, "chair": 100, "road": 9000}


def made(blocks: int = 8, kinds: tuple[str, ...] = ("copy", "none"), split: str = "val", **changes):
    """Copying gains .06 on bottle and costs .02 on road; rarity runs bottle, chair, road."""
    rng = np.random.default_rng(5)
    rows, classes = [], []
    for seed in range(blocks):
        hardness = rng.normal(0, 0.05)
        for kind in kinds:
            gains = {"bottle": 0.06, "chair": 0.0, "road": -0.02} if kind == "copy" else dict.fromkeys(PIXELS, 0.0)
            ious = {name: 0.5 + hardness + gain + rng.normal(0, 0.004) for name, gain in gains.items()}
            trial = f"t{len(rows):04d}"
            rows.append({"kind": kind, "seed": seed, "objective": float(np.mean(list(ious.values())))})
            classes += [
                {"trial": trial, "split": split, "class": name, "iou": value, "train_pixels": PIXELS[name]}
                | {"train_images": PIXELS[name] // 10}
                for name, value in reversed(ious.items())
            ]
    return tables_of(rows, ("kind",), classes, **changes)


def scores(tables, kind: str, name: str) -> np.ndarray:
    rows = tables.classes[tables.classes["class"] == name].merge(tables.trials[["trial", "kind", "seed"]], on="trial")
    return rows[rows["kind"] == kind].sort_values("seed")["iou"].to_numpy(float)


def test_every_class_is_compared_within_blocks_rarest_first():
    tables = made()
    rows = class_differences(tables, "kind", against="none")
    assert rows["class"].tolist() == ["bottle", "chair", "road"]
    assert rows["train_pixels"].tolist() == [10, 100, 9000]
    assert (set(rows["a"]), set(rows["b"]), set(rows["n"])) == ({"none"}, {"copy"}, {8})
    p = [stats.wilcoxon(scores(tables, "copy", name) - scores(tables, "none", name)).pvalue for name in PIXELS]
    assert rows["p"].tolist() == pytest.approx(p)
    assert rows["p_adjusted"].tolist() == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert rows["difference"].tolist() == pytest.approx([0.06, 0.0, -0.02], abs=0.005)
    assert rows["verdict"][0].startswith("'copy' is higher than 'none': +0.06")
    assert rows["verdict"][1].startswith("no difference shown")


def test_all_pairs_and_classes_are_one_family():
    rows = class_differences(made(kinds=("copy", "none", "other")), "kind", correction="holm")
    assert len(rows) == 9
    assert set(rows["family_size"]) == {9}
    assert rows["p_adjusted"].to_numpy() == pytest.approx(multipletests(rows["p"], method="holm")[1])
    assert rows["verdict"].str.contains("cannot be decided").all()  # 9 x .0078 is above .05
    assert set(rows["needed_n"]) == {9}


def test_two_levels_closed_are_holm_over_classes():
    closed, holm = (class_differences(made(), "kind", correction=name) for name in ("closed", "holm"))
    same = ["p_adjusted", "floor_adjusted", "needed_n", "n", "family_size"]
    pd.testing.assert_frame_equal(closed[same], holm[same])
    assert set(closed["procedure"]) == {"Holm over 3 classes"}


def test_closed_testing_within_classes_needs_fewer_blocks_than_holm_over_all_rows():
    rows = class_differences(made(kinds=("copy", "none", "other")), "kind", correction="closed")
    assert set(rows["family_size"]) == {9}
    assert rows["procedure"][0].startswith("Holm over 3 classes; in each of them closed testing of 4 intersections by ")
    assert set(rows["needed_n"]) == {7}  # 3 x 2 / 2^7 = .047
    decided = rows[rows["p_adjusted"] <= 0.05]
    assert set(decided["class"]) == {"bottle", "road"}
    assert {frozenset(pair) for pair in decided[["a", "b"]].to_numpy().tolist()} == {
        frozenset(("copy", "none")),
        frozenset(("copy", "other")),
    }


def test_a_class_without_a_test_is_no_part_of_the_closed_family():
    tables = made()
    copies = tables.trials.loc[tables.trials["kind"] == "copy", "trial"]
    gone = (tables.classes["class"] == "chair") & tables.classes["trial"].isin(copies)
    missing = tables._replace(classes=tables.classes.assign(iou=tables.classes["iou"].mask(gone)))
    rows = class_differences(missing, "kind", correction="closed").set_index("class")
    assert np.isnan(rows.loc["chair", "p_adjusted"])
    assert rows.loc[["bottle", "road"], "floor_adjusted"].tolist() == pytest.approx([2 * 2 / 2**8] * 2)


def test_too_many_levels_to_close_are_held_by_holm_over_all_rows():
    tables = made(blocks=4, kinds=tuple("abcdefghijk"))
    closed, holm = (class_differences(tables, "kind", correction=name, against="a") for name in ("closed", "holm"))
    assert closed["p_adjusted"].tolist() == holm["p_adjusted"].tolist()
    assert set(closed["procedure"]) == {"Holm: closed testing is done for at most 10 levels"}


def test_a_block_without_the_class_is_left_out_for_that_class():
    tables = made()
    gone = (tables.classes["class"] == "bottle") & (tables.classes["trial"] == "t0000")
    rows = class_differences(
        tables._replace(classes=tables.classes.assign(iou=tables.classes["iou"].mask(gone))), "kind"
    )
    assert rows["n"].tolist() == [7, 8, 8]
    assert rows["incomplete"].tolist() == ["seed=0, fold=0 (lacks copy)", "", ""]


def test_a_block_without_the_class_on_both_sides_is_named_too():
    tables = made()
    gone = (tables.classes["class"] == "bottle") & tables.classes["trial"].isin(["t0000", "t0001", "t0002"])
    rows = class_differences(
        tables._replace(classes=tables.classes.assign(iou=tables.classes["iou"].mask(gone))), "kind"
    )
    assert rows["n"].tolist() == [6, 8, 8]
    assert rows["incomplete"][0] == "seed=1, fold=0 (lacks copy); seed=0, fold=0 (no IoU of the class)"


def test_a_class_that_one_level_never_has_keeps_its_row():
    tables = made()
    copies = tables.trials.loc[tables.trials["kind"] == "copy", "trial"]
    gone = (tables.classes["class"] == "chair") & tables.classes["trial"].isin(copies)
    missing = tables._replace(classes=tables.classes.assign(iou=tables.classes["iou"].mask(gone)))
    for against in (None, "copy", "none"):
        rows = class_differences(missing, "kind", against=against).set_index("class")
        assert rows.loc["chair", "n"] == 0
        assert np.isnan(rows.loc["chair", "p"])
        assert rows.loc["chair", "verdict"] == "nothing to compare: the class has no IoU under 'copy'"
        assert rows["family_size"].tolist() == [2, 2, 2]


def test_the_split_is_the_one_that_the_study_compares():
    assert compared_split(made()) == "val"
    assert compared_split(made(split="test")) == "test"
    both = made()
    both = both._replace(
        classes=pd.concat([both.classes, both.classes.assign(split="test", iou=0.5)]),
        trials=both.trials.assign(test_miou=0.5),
        score_on_test=True,
    )
    assert compared_split(both) == "test"
    assert set(class_differences(both, "kind")["difference"]) == {0.0}
    assert class_differences(both, "kind", split="val")["difference"][0] != 0


def test_blocks_of_another_name_pair_as_well():
    tables = made(block=("random_state",))
    named = tables._replace(trials=tables.trials.rename(columns={"seed": "random_state"}))
    assert class_differences(named, "kind")["p"].tolist() == class_differences(made(), "kind")["p"].tolist()
    assert set(class_differences(named, "kind", block=[])["test"]) == {"mann_whitney"}


def test_whole_configurations_are_the_default():
    rows = class_differences(made())
    assert set(rows["a"]) | set(rows["b"]) == {"kind=copy", "kind=none"}


@pytest.mark.parametrize("name", ["empty", "one level", "no classes"])
def test_nothing_to_compare_is_an_empty_table(name):
    tables = made()
    result = {
        "empty": tables._replace(trials=tables.trials.head(0), classes=tables.classes.head(0)),
        "one level": made(kinds=("copy",)),
        "no classes": tables._replace(classes=tables.classes.head(0)),
    }[name]
    rows = class_differences(result, "kind")
    assert len(rows) == 0
    assert {"treatment", "a", "b", "class", "difference", "p_adjusted", "verdict"} <= set(rows)
    assert gains_and_costs(rows) == ""
    assert (
        rows.attrs["verdict"]
        == {
            "empty": "nothing to compare: of 'kind', no level has a score",
            "one level": "nothing to compare: of 'kind', only 'copy' has scores",
            "no classes": "nothing to compare: no class has an IoU on val",
        }[name]
    )


def test_a_class_that_is_nowhere_says_so():
    tables = made()
    nowhere = tables.classes.assign(iou=tables.classes["iou"].mask(tables.classes["class"] == "chair"))
    row = class_differences(tables._replace(classes=nowhere), "kind").set_index("class").loc["chair"]
    assert row["verdict"] == "nothing to compare: the class has no IoU under 'copy' or 'none'"


def test_gains_and_costs_are_of_one_pair():
    with pytest.raises(ValueError, match="describe one pair of levels, but the rows are of 3"):
        gains_and_costs(class_differences(made(kinds=("copy", "none", "other")), "kind"))


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ValueError, match="treatment must be 'configuration' or one of"):
        class_differences(made(), "color")
    with pytest.raises(ValueError, match="split must be"):
        class_differences(made(), "kind", split="train")
    with pytest.raises(ValueError, match="against must be one of the levels"):
        class_differences(made(), "kind", against="paste")
    with pytest.raises(ValueError, match="correction must be one of"):
        class_differences(made(), "kind", correction="none")


def differences(**by_class: float) -> pd.DataFrame:
    return pd.DataFrame({"class": list(by_class), "difference": list(by_class.values())})


def test_gains_and_costs_in_words():
    rows = differences(dog=-0.022, chair=0.056, bottle=0.059, cat=0.01, sky=0.0001)
    assert gains_and_costs(rows) == "mostly bottle (+0.059) and chair (+0.056), at the cost of dog (−0.022)"
    assert gains_and_costs(differences(dog=-0.02, cat=-0.01)) == "mostly dog (−0.020) and cat (−0.010)"
    losing = differences(dog=-0.082, bottle=0.01)
    assert gains_and_costs(losing) == "mostly dog (−0.082), with a gain in bottle (+0.010)"
    assert gains_and_costs(differences(dog=0.0001, cat=float("nan"))) == ""
