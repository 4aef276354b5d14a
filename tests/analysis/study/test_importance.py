"""Planted importance is found, and the numbers are optuna's."""

import logging
import warnings

import numpy as np
import optuna
import pandas as pd
import pytest

from analysis.study.importance import COLUMNS, best_trials, importance
from tests.analysis.study.synthetic import tables_of

PARAMETERS = ("optim.lr", "batch", "sampling.kind", "loss.name", "loss.gamma")


def planted(n: int = 120, seed: int = 0, **changes):
    """The learning rate moves the objective, sampling moves bottle alone, gamma moves car where the loss is focal."""
    rng = np.random.default_rng(seed)
    rows, classes = [], []
    for i in range(n):
        focal = bool(rng.random() < 0.5)
        lr, gamma = float(10 ** rng.uniform(-4, -1)), float(rng.uniform(0, 5)) if focal else float("nan")
        kind = str(rng.choice(["uniform", "rare", "none"]))
        noise = rng.normal(0, 0.01, 3)
        row = {"optim.lr": lr, "batch": int(rng.integers(2, 9)), "sampling.kind": kind, "loss.gamma": gamma}
        row |= {"loss.name": "focal" if focal else "ce", "objective": -0.1 * (np.log10(lr) + 2.5) ** 2 + noise[0]}
        rows.append(row | {"seed": i % 4})
        ious = {"bottle": 0.2 * (kind == "rare") + noise[1], "car": (0.1 * gamma if focal else 0.2) + noise[2]}
        classes += [
            {"trial": f"t{i:04d}", "split": "val", "class": name, "iou": value, "train_pixels": pixels}
            for (name, value), pixels in zip(ious.items(), (10, 500), strict=True)
        ]
    return tables_of(rows, PARAMETERS, classes, **changes)


@pytest.fixture(scope="module")
def tables():
    return planted()


@pytest.fixture(scope="module")
def rows(tables):
    return importance(tables, per_class=True)


def first(rows: pd.DataFrame, target: str, branch: str = "") -> pd.Series:
    return rows[(rows["target"] == target) & (rows["branch"] == branch)].iloc[0]


def test_what_was_planted_is_found(rows):
    assert first(rows, "objective")["parameter"] == "optim.lr"
    assert first(rows, "bottle")["parameter"] == "sampling.kind"
    assert first(rows, "car", "loss.name=focal")["parameter"] == "loss.gamma"
    for row in (first(rows, "objective"), first(rows, "bottle"), first(rows, "car", "loss.name=focal")):
        assert row["importance"] > 0.45
        assert row["p"] < 0.05
        assert row["note"] == ""


def test_shares_sum_to_one_and_targets_come_rarest_first(rows):
    assert list(rows) == COLUMNS
    assert rows.groupby(["target", "branch"])["importance"].sum().to_numpy() == pytest.approx(1)
    assert list(dict.fromkeys(rows["target"])) == ["objective", "bottle", "car"]
    assert set(rows.loc[rows["branch"] == "", "parameter"]) == {*PARAMETERS[:-1], "block"}


def test_a_conditional_parameter_is_judged_within_its_branch(rows, tables):
    focal = rows[rows["branch"] == "loss.name=focal"]
    assert "loss.name" not in set(focal["parameter"])
    assert set(focal["n"]) == {(tables.trials["loss.name"] == "focal").sum()}
    assert set(rows.loc[rows["parameter"] == "loss.gamma", "branch"]) == {"loss.name=focal"}


def test_what_is_no_rarer_than_chance_is_said(rows):
    silent = rows[(rows["target"] == "bottle") & (rows["parameter"] == "batch")]
    assert silent["note"].str.startswith("no rarer than by chance").all()


def by_hand(tables) -> optuna.Study:
    """The same study as a person would write it for optuna: the learning rate on a logarithmic scale."""
    trials = tables.trials
    lr = trials["optim.lr"].astype(float)
    distributions = {
        "optim.lr": optuna.distributions.FloatDistribution(lr.min(), lr.max(), log=True),
        "batch": optuna.distributions.IntDistribution(2, 8),
        "sampling.kind": optuna.distributions.CategoricalDistribution(["uniform", "rare", "none"]),
        "loss.name": optuna.distributions.CategoricalDistribution(["ce", "focal"]),
        "block": optuna.distributions.CategoricalDistribution([0, 1, 2, 3]),
    }
    study = optuna.create_study(direction="maximize")
    for _, trial in trials.iterrows():
        parameters = {name: trial[name] for name in PARAMETERS[:-1]} | {"block": trial["seed"]}
        study.add_trial(
            optuna.create_trial(params=parameters, distributions=distributions, value=float(trial["objective"]))
        )
    return study


def test_ped_anova_is_that_of_optuna(rows, tables):
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1)
    expected = optuna.importance.get_param_importances(by_hand(tables), evaluator=evaluator)
    seen = rows[(rows["target"] == "objective") & (rows["branch"] == "")].set_index("parameter")["importance"]
    assert seen.to_dict() == pytest.approx(expected)


def test_fanova_is_that_of_optuna_on_logarithms():
    tables = planted(n=30)._replace(parameters=PARAMETERS[:-1])
    logs = tables._replace(trials=tables.trials.assign(**{"optim.lr": np.log(tables.trials["optim.lr"].astype(float))}))
    study = by_hand(tables)
    for trial, value in zip(study.get_trials(deepcopy=False), logs.trials["optim.lr"], strict=True):
        low, high = logs.trials["optim.lr"].agg(["min", "max"])
        trial.distributions |= {"optim.lr": optuna.distributions.FloatDistribution(low, high)}
        trial.params["optim.lr"] = value
    names = [*PARAMETERS[:-1], "block"]
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=3)
    expected = optuna.importance.get_param_importances(study, evaluator=evaluator, params=names)
    rows = importance(tables, method="fanova", seed=3)
    seen = rows[rows["branch"] == ""].set_index("parameter")
    assert seen["importance"].idxmax() == "optim.lr"
    assert seen["importance"].to_dict() == pytest.approx(expected, abs=0.05)  # categories come in another order
    assert seen["p"].isna().all()


def test_a_class_that_is_absent_is_left_out_and_counted(tables):
    classes = tables.classes.copy()
    absent = (classes["class"] == "bottle") & classes["trial"].isin([f"t{i:04d}" for i in range(30)])
    classes.loc[absent, "iou"] = float("nan")
    rows = importance(tables._replace(classes=classes), per_class=True)
    bottle = rows[(rows["target"] == "bottle") & (rows["branch"] == "")].set_index("parameter")
    assert set(bottle["n"]) == {90}
    assert bottle["p"].idxmin() == "sampling.kind"
    assert first(rows, "car")["n"] == 120


def test_only_test_counts_where_nothing_else_was_counted(tables):
    rows = importance(tables._replace(classes=tables.classes.assign(split="test")), per_class=True)
    assert first(rows, "bottle")["parameter"] == "sampling.kind"


def test_the_same_seed_gives_the_same_table(tables, rows):
    assert importance(tables, per_class=True).equals(rows)
    other = importance(tables, per_class=True, seed=1)
    assert other.sort_values(COLUMNS[:3])["importance"].to_numpy() == pytest.approx(
        rows.sort_values(COLUMNS[:3])["importance"].to_numpy()
    )
    assert not other["p"].equals(rows["p"])


def test_what_is_missing_is_said(tables):
    few = importance(planted(n=9))
    assert few["importance"].isna().all()
    assert set(few.loc[few["branch"] == "", "note"]) == {"needs 10 complete trials with a score, has 9"}
    failed = importance(tables._replace(trials=tables.trials.assign(status="failed")))
    assert failed["note"].tolist() == ["needs 10 complete trials with a score, has 0"]
    single = importance(tables._replace(parameters=("batch",), trials=tables.trials.assign(seed=0)))
    assert single["note"].tolist() == ["needs two parameters that vary, has 1"]
    alike = importance(tables._replace(trials=tables.trials.assign(objective=0.5)))
    assert set(alike["note"]) == {"all scores are equal"}


def test_a_block_of_few_trials_is_not_judged(tables):
    apart = tables._replace(trials=tables.trials.assign(seed=range(120)))
    assert "block" not in set(importance(apart)["parameter"])


def test_a_path_will_do(study):
    rows = importance(study)
    assert set(rows.loc[rows["branch"] == "", "note"]) == {"needs 10 complete trials with a score, has 8"}


def test_unknown_methods_are_refused(tables):
    with pytest.raises(ValueError, match="method must be one of"):
        importance(tables, method="anova")


def test_nothing_is_said_and_nothing_is_left_changed(capfd, caplog):
    before = optuna.logging.get_verbosity(), list(warnings.filters), logging.root.level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importance(planted(n=20))
    assert (optuna.logging.get_verbosity(), list(warnings.filters), logging.root.level) == before
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_the_best_are_a_tenth_but_at_least_five():
    assert [best_trials(n) for n in (1000, 101, 50, 20, 10)] == [100, 11, 5, 5, 5]
