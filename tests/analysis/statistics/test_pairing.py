"""Which trials are compared with which."""

import numpy as np
import pandas as pd

from analysis import compare
from analysis.statistics.pairing import design
from analysis.statistics.samples import block_names


def grid(**axes) -> pd.DataFrame:
    """All combinations of the axes, with a random score."""
    table = pd.MultiIndex.from_product(axes.values(), names=axes.keys()).to_frame(index=False)
    for name in ("seed", "fold"):
        table[name] = table.get(name, 0)
    return table.assign(score=np.random.default_rng(0).normal(size=len(table)))


def test_a_grid_is_matched_in_every_other_parameter():
    table = grid(seed=[0, 1, 2], kind=["x", "y"], lr=[0.1, 0.01])
    plan = design(table, "kind", "score", ("kind", "lr"))
    assert plan.rule == "matched"
    assert plan.block == ["seed", "fold", "lr"]
    assert "agree in seed and fold and in lr" in plan.sentence
    assert compare(table, treatment="kind", block=plan.block, score="score")["n"].tolist() == [6]


def test_a_random_search_over_shared_blocks_is_averaged_by_block():
    table = grid(seed=[0, 1, 2], kind=["x", "y"], repeat=[0, 1])
    table["lr"] = np.random.default_rng(1).random(len(table))
    plan = design(table, "kind", "score", ("kind", "lr"))
    assert (plan.rule, plan.block) == ("blocked", ["seed", "fold"])
    row = compare(table, treatment="kind", block=plan.block, score="score").iloc[0]
    assert (row["n"], row["repeats"]) == (3, 6)


def test_one_block_only_is_unpaired():
    table = grid(seed=[0], kind=["x", "y"], repeat=[0, 1, 2])
    table["lr"] = np.random.default_rng(1).random(len(table))
    plan = design(table, "kind", "score", ("kind", "lr"))
    assert (plan.rule, plan.block) == ("unpaired", None)
    assert plan.sentence.startswith("Unpaired")


def test_one_seed_can_still_be_matched_on_the_other_parameters():
    table = grid(seed=[0], kind=["x", "y"], lr=[0.1, 0.01, 0.001])
    assert design(table, "kind", "score", ("kind", "lr")).rule == "matched"


def test_a_parameter_of_one_level_cannot_be_matched():
    table = grid(seed=[0, 1, 2], kind=["x", "focal"], lr=[0.1, 0.01])
    table["gamma"] = np.where(table["kind"] == "focal", np.arange(len(table)), np.nan)
    plan = design(table, "kind", "score", ("kind", "lr", "gamma"))
    assert plan.block == ["seed", "fold", "lr"]
    assert "gamma exists under some levels only" in plan.sentence


def test_a_few_chance_matches_do_not_beat_pairing_by_block():
    """Two of three levels happen to share settings twice; blocking can compare all three."""
    table = grid(seed=[0, 1, 2], kind=["x", "y", "z"])
    table["lr"] = np.where(table["kind"] == "z", np.arange(9.0) + 1, 0.0)
    assert design(table, "kind", "score", ("kind", "lr")).rule == "blocked"


def test_two_chance_matches_do_not_beat_eight_blocks():
    """Two pairs of trials that agree in everything can decide nothing; eight blocks can."""
    table = grid(seed=range(8), kind=["x", "y"])
    table["lr"] = np.where(table["seed"] < 2, 0.0, np.arange(16.0))
    plan = design(table, "kind", "score", ("kind", "lr"))
    assert (plan.rule, plan.block) == ("blocked", ["seed", "fold"])
    assert plan.sentence.endswith("mean over its trials, whatever their lr (only 2 settings agree in lr as well).")
    table["lr"] = np.where(table["seed"] < 6, 0.0, np.arange(16.0))
    assert design(table, "kind", "score", ("kind", "lr")).rule == "matched"  # six can


def test_a_missing_parameter_agrees_and_a_missing_seed_does_not():
    table = grid(seed=range(3), kind=["x", "y"], loss=["ce", "focal"])
    table["gamma"] = np.where(table["loss"] == "focal", 2.0, np.nan)
    plan = design(table, "kind", "score", ("kind", "loss", "gamma"))
    assert plan.block == ["seed", "fold", "loss", "gamma"]
    asked = {"treatment": "kind", "score": "score"}
    assert compare(table, **asked, block=plan.block)[["n", "incomplete"]].to_numpy().tolist() == [[6, ""]]
    plain = compare(table, **asked, block=list(map(str, plan.block)))
    assert plain[["n", "incomplete"]].to_numpy().tolist() == [[3, "6 rows without gamma"]]
    lost = table.assign(seed=table["seed"].astype(float).where(table["seed"] < 2))
    assert compare(lost, **asked, block=plan.block)["n"].tolist() == [4]


def test_a_block_column_without_values_is_no_part_of_the_block():
    table = grid(seed=range(3), kind=["x", "y"])
    assert design(table.assign(fold=np.nan), "kind", "score", ("kind",)).block == ["seed"]
    nothing = design(table.assign(fold=np.nan, seed=np.nan), "kind", "score", ("kind",))
    assert (nothing.rule, nothing.block) == ("unpaired", None)


def test_trials_without_a_score_pair_nothing():
    table = grid(seed=[0, 1, 2], kind=["x", "y"])
    table.loc[table["kind"] == "y", "score"] = np.nan
    assert design(table, "kind", "score", ("kind",)).rule == "unpaired"


def test_not_sampled_matches_not_sampled():
    table = pd.DataFrame({"seed": [0, 0], "gamma": [np.nan, np.nan]})
    assert block_names(table, ["seed", "gamma"]).tolist() == ["seed=0, gamma=n/a"] * 2


def test_folds_are_blocks_too():
    table = grid(fold=[0, 1, 2, 3], kind=["x", "y"]).assign(seed=7)
    assert design(table, "kind", "score", ("kind",)).rule == "matched"
    assert compare(table, treatment="kind", block=["seed", "fold"], score="score")["n"].tolist() == [4]
