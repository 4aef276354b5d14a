"""The leaderboard of trials and configurations, ranked by validation alone, and what they are called in the report.

The test score of the trial that validation has chosen is shown; it never chooses one.
"""

from typing import Any

import pandas as pd

from analysis.reading.class_scores import COUNTS, frequent_class_baseline
from analysis.reading.tables import GATED, Tables
from analysis.statistics.formatting import as_text
from rarepix import scores

VALIDATION, TEST = "val", "test"
CONFIGURATION = "configuration"
"""Name of the treatment whose levels are whole configurations."""
AS_IT_IS = "the recipe as it is"
"""What a configuration without parameters is called."""
GROUP_WORDS = {"mean": "mean", "rare": "rare-class", "frequent": "frequent-class", "worst": "worst-class"}
CLASS_SCORE_WORDS = {
    name: name.replace("_", " ").replace("iou", "IoU").replace("dice", "Dice").replace("auroc", "AUROC")
    for name in scores.CLASS_SCORES
}
SCORE_NAMES = {
    **{name: name.replace("_", " ") for name in scores.SCORES},
    **{
        scores.score_name(group, name): f"{GROUP_WORDS[group]} {words}"
        for name, words in CLASS_SCORE_WORDS.items()
        for group in scores.GROUPS
    },
    **{"miou": "mIoU", "kappa": "Cohen's kappa", "frequency_weighted_iou": "frequency-weighted IoU"},
    **{
        "foreground_iou": "foreground IoU",
        "positive_iou": "IoU of the images with foreground",
        "positive_dice": "Dice of the images with foreground",
        "siim_dice": "SIIM Dice",
        "isuei_sum": "ISUEI sum",
        "empty_false_alarm_rate": "false alarms on empty images",
        "foreground_auroc": "presence AUROC",
    },
    **{
        f"false_alarms_at_sensitivity_{percent}": f"false alarms at {percent} % sensitivity"
        for percent in ("80", "90", "95")
    },
    **{
        f"sensitivity_at_false_alarms_{percent:02}": f"sensitivity at {percent} % false alarms"
        for percent in (1, 5, 10)
    },
}
"""Score of a whole split → how it is written in text."""


def score_name(name: str | None) -> str:
    """Return a score as it is written in text: ``mIoU`` for ``miou``, ``Dice of car`` for ``dice/car``.

    A name that is none of our scores (of a table of runs, say) stays as it is.
    """
    base, slash, of_class = str(name).partition("/")
    if slash and base in CLASS_SCORE_WORDS:
        return f"{CLASS_SCORE_WORDS[base]} of {of_class}"
    if base.startswith(GATED):
        return f"{score_name(base.removeprefix(GATED))} with gate"
    return SCORE_NAMES.get(name, str(name))


def is_minimized(column: str) -> bool:
    """Return whether less of a compared column, ``objective`` or a score of a split, is better.

    What a search names as its objective is a score of which more is better, and so is a column of a table of runs.
    """
    name = column.partition("_")[2].removeprefix(GATED)
    return name in scores.SCORES and scores.direction_of(name) == "minimize"


def leaderboard(tables: Tables) -> pd.DataFrame:
    """Return the complete trials, highest validation objective first (the earlier trial first among equals)."""
    trials = tables.trials
    ranked = trials[(trials["status"] == "complete") & trials["objective"].notna()]
    return ranked.sort_values(["objective", "started"], ascending=[False, True], kind="stable").reset_index(drop=True)


def objective_name(tables: Tables) -> str | None:
    """Return the name of the objective that most complete trials were ranked by; None when there is none."""
    names = tables.trials["objective_name"].dropna()
    return names.mode().iloc[0] if len(names) else None


def objective_label(tables: Tables) -> str:
    """Return the objective as it is written in text."""
    name = objective_name(tables)  # rare_iou is the rare-class IoU less what others fall short of their floor
    return "rare-class objective" if name == "rare_iou" else score_name(name)


def parameter_texts(trials: pd.DataFrame, parameters: tuple[str, ...]) -> list[str]:
    """Return ``optim.lr=0.01 loss.name=focal`` for each of *trials*: the parameters that it sampled."""
    # Column by column: there are thousands of rows.
    known = {name: zip(trials[name], trials[name].notna(), strict=True) for name in parameters}
    columns = [[f"{name}={as_text(value)}" if has else "" for value, has in pairs] for name, pairs in known.items()]
    return [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)] if columns else [""] * len(trials)


def varying(tables: Tables) -> tuple[str, ...]:
    """Return the sampled parameters in which complete trials differ; not sampled counts as a value of its own."""
    ranked = leaderboard(tables)
    texts = {
        name: ranked[name].astype(object).where(ranked[name].notna(), "").astype(str) for name in tables.parameters
    }
    return tuple(name for name, values in texts.items() if values.nunique() > 1)


def configuration_names(tables: Tables, trials: pd.DataFrame) -> pd.Series:
    """Return what the configuration of each of *trials* is called: how it differs from others, or ``default``."""
    names = parameter_texts(trials, varying(tables))
    named = [
        (f"default ({name})" if name else "default") if is_default else name or AS_IT_IS
        for name, is_default in zip(names, default_rows(tables, trials), strict=True)
    ]
    return pd.Series(named, index=trials.index, dtype=object)


def default_rows(tables: Tables, trials: pd.DataFrame) -> pd.Series:
    """Return which of *trials* have the study's default configuration: none if the study names none."""
    is_default = pd.Series(tables.default is not None, index=trials.index)
    for name in tables.parameters if tables.default is not None else ():
        given = tables.default.get(name)
        same = trials[name].map(lambda value, given=given: value == given)
        is_default &= same if name in tables.default else trials[name].isna()
    return is_default.astype(bool)


def default_level(tables: Tables, trials: pd.DataFrame, treatment: str) -> Any:
    """Return the level of *treatment* that the default configuration has among *trials*; None if there is none."""
    levels = trials.loc[default_rows(tables, trials), treatment].dropna().unique()
    return levels[0] if len(levels) else None


def block_texts(tables: Tables, trials: pd.DataFrame, between: str = "/") -> pd.Series:
    """Return the block of each of *trials* as text: ``1/0`` for seed 1 and fold 0."""
    texts = [trials[name].astype(object).where(trials[name].notna(), "?").astype(str) for name in tables.block]
    return pd.Series([between.join(parts) for parts in zip(*texts, strict=True)] if texts else "", index=trials.index)


def configurations(tables: Tables) -> pd.DataFrame:
    """Return a row per configuration (parameters without the block): its blocks and the spread of its objective.

    Sorted by the mean. Means over different blocks cannot be compared; ``blocks`` says which ones each has.
    """
    ranked = leaderboard(tables)
    if ranked.empty:
        return pd.DataFrame(columns=["configuration", "parameters", "trials", "blocks", "mean", "sd", "low", "high"])
    ranked = ranked.assign(
        parameters=[text or AS_IT_IS for text in parameter_texts(ranked, tables.parameters)],
        blocks=block_texts(tables, ranked),
    )
    grouped = ranked.groupby("config_hash", sort=False)
    rows = grouped["objective"].agg(trials="size", mean="mean", sd="std", low="min", high="max")
    rows["parameters"] = grouped["parameters"].first()
    rows["blocks"] = grouped["blocks"].agg(lambda blocks: ", ".join(sorted(set(blocks))))
    return rows.sort_values("mean", ascending=False, kind="stable").rename_axis("configuration").reset_index()


def baseline(tables: Tables, trial: str, split: str = VALIDATION) -> tuple[str, float] | None:
    """Return the most frequent class of a trial's split and the mIoU of always predicting it; None without counts."""
    rows = tables.classes[(tables.classes["trial"] == trial) & (tables.classes["split"] == split)]
    if rows.empty or rows[COUNTS].isna().any(axis=None):
        return None
    constant = frequent_class_baseline(rows)
    predicted = constant.loc[constant["tp"] + constant["fp"] > 0, "class"]
    return (predicted.iloc[0] if len(predicted) else "none"), scores.mean(constant["iou"])
