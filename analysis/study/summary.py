"""The summary of a study in words: the sentences that open the report, and the warning below them."""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.statistics.formatting import equals, number, plural, signed
from analysis.study.cell_means import cell_means, configuration_means, unequal_blocks_note
from analysis.study.class_summary import PROPERTIES, class_matrix, class_summary
from analysis.study.empty_image_sentences import false_alarms_sentence
from analysis.study.headline import comparison_sentence
from analysis.study.leaderboard import (
    AS_IT_IS,
    TEST,
    VALIDATION,
    baseline,
    block_texts,
    leaderboard,
    objective_label,
    objective_name,
    parameter_texts,
    score_name,
)
from analysis.study.provenance import status_counts
from analysis.study.results import Results
from analysis.study.validation_vs_test import RANK

ROUNDING = 1e-12
"""Means that differ by no more are equal: sums of the same scores in another order differ by less."""
LEAST_RANKED = 4
"""Configurations from which it is worth a warning that test ranks the choice of validation in the lower half."""


def answer(tables: Tables, results: Results) -> list[str]:
    """Return the sentences that open the report: who is ahead, what the comparisons show, what the rarest class got."""
    if leaderboard(tables).empty:
        return [best_sentence(tables)]
    sentences = [best_sentence(tables), comparison_sentence(tables, results), rarest_sentence(tables)]
    return [sentence for sentence in (*sentences, false_alarms_sentence(tables, results.empty)) if sentence]


def rarity_sentence(correlations: pd.DataFrame, alpha: float = 0.05) -> str:
    """Answer whether rarity explains the scores, by the rank correlations; empty where there are none."""
    if "method" not in correlations:
        return ""
    ranks = correlations[(correlations["method"] == "spearman") & correlations["p_adjusted"].notna()]
    if ranks.empty:
        return ""
    shown, n = ranks[ranks["p_adjusted"] <= alpha], int(ranks["n"].max())
    if shown.empty:
        return f"Not shown: no rank correlation of rarity and IoU over {n} classes has an adjusted p of .05 or less."
    first = shown.loc[shown["p_adjusted"].idxmin()]
    what = f"{PROPERTIES.get(first['x'], first['x'])} and {first['y']}"
    numbers = f"Spearman {signed(first['r'], 2)}, adjusted p {equals(first['p_adjusted'])}, n = {n} classes"
    return f"{'More' if first['r'] > 0 else 'Less'} of a class goes with a higher IoU: {what} ({numbers})."


def best_sentence(tables: Tables) -> str:
    """Say which trial validation ranks first, and whether it beats predicting the most frequent class."""
    ranked = leaderboard(tables)
    if ranked.empty:
        return no_result_sentence(tables)
    best, name = ranked.iloc[0], objective_name(tables)
    about = parameter_texts(ranked.head(1), tables.parameters)[0] or AS_IT_IS
    reached = f"{objective_label(tables)} {number(best['objective'])}"
    equal = int((ranked["objective"] == best["objective"]).sum())
    which = f"is trial {best['trial']}" if equal == 1 else f"are {equal} trials, all equal, such as {best['trial']}"
    text = f"{_winner(tables)}Best by validation {which} ({about}): {reached}"
    text += f" at epoch {best['epoch']}" if pd.notna(best["epoch"]) else ""
    text += _against_baseline(tables, best, name)
    column = f"{TEST}_{name}"
    if column in best and pd.notna(best[column]):
        text += f". Its test {score_name(name)}, which chose nothing, is {number(best[column])}"
    return text + "."


def _winner(tables: Tables) -> str:
    """Return the sentence on the configuration with the highest mean; nothing where none ran on two blocks.

    The best single trial profits most from chance; where configurations were repeated, their means come first.
    """
    cells = cell_means(tables)
    if cells["key"].nunique() in (0, 1, len(cells)):
        return ""
    means = configuration_means(cells)
    first = means.iloc[0]
    equal = means[(means["adjusted"] - first["adjusted"]).abs() <= ROUNDING]
    if len(equal) > 1:
        return (
            f"No configuration is ahead on validation: {len(equal)} have the same mean {objective_label(tables)}, "
            f"{number(first['validation'])}.{unequal_blocks_note(cells)} "
        )
    return (
        f"Ahead on validation is the configuration {first['configuration']!r}: {objective_label(tables)} "
        f"{number(first['validation'])} in the mean of {plural(first['blocks'], 'block')}."
        f"{unequal_blocks_note(cells)} "
    )


def _against_baseline(tables: Tables, best: pd.Series, name: str) -> str:
    constant = baseline(tables, best["trial"])
    if constant is None:
        return ""
    frequent_class, constant_miou = constant
    reached = best[f"{VALIDATION}_miou"]
    relation = "above" if reached > constant_miou else "not above"
    subject = "," if name == "miou" else f"; its validation mIoU of {number(reached)} is"
    reference = f"the {number(constant_miou)} that always predicting {frequent_class!r} would get on the same pixels"
    return f"{subject} {relation} {reference}"


def no_result_sentence(tables: Tables) -> str:
    """Say that no trial is complete, and what became of them."""
    states = status_counts(tables) or "no record could be read"
    unreadable = " What was left out is listed below, with the reasons." if len(tables.left_out) else ""
    return f"No trial of this study is complete, so there is no score to report ({states}).{unreadable}"


def rarest_sentence(tables: Tables) -> str | None:
    """Say what the rarest class (fewest train pixels) got in the best trial; None when no amounts were recorded."""
    summary = class_summary(tables).dropna(subset=["train_pixels"])
    if summary.empty or several_data(tables):
        return None
    rarest = summary.iloc[0]
    description = (
        f"The rarest class, {rarest['class']!r} ({rarest['train_images']:.0f} train images, "
        f"{100 * rarest['train_proportion']:.3g} % of the train pixels),"
    )
    if pd.isna(rarest["best"]):
        absent = "is absent from the validation of the best trial: neither there nor predicted, it has no score."
        return f"{description} {absent}"
    scores = f"{number(rarest['best'])} in the best trial (mean over trials {number(rarest['iou'])})"
    return f"{description} gets a validation IoU of {scores}."


def several_data(tables: Tables) -> bool:
    """Return whether complete trials ran on different data."""
    return leaderboard(tables)["inventory_hash"].nunique() > 1


def caveat(tables: Tables, results: Results) -> str | None:
    """Return the warning for a small study, or for one whose validation and test scores disagree; None: no warning."""
    ranked = leaderboard(tables)
    notes = []
    pick = results.audit[results.audit["check"] == RANK].iloc[0]
    if pick["n"] >= LEAST_RANKED and pick["value"] > pick["n"] / 2:
        notes.append(f"validation and test disagree: {pick['sentence'].rstrip('.').replace('By', 'by', 1)}")
    if several_data(tables):
        notes.append("trials ran on different data, so their scores cannot be ranked against one another")
    if len(ranked) and not tables.block:
        notes.append("no column was named as block: trials are compared as independent groups")
    elif len(ranked) and block_texts(tables, ranked).nunique() < 2:
        named = ", ".join(tables.block)
        notes.append(f"all trials share one block ({named}): how much a score moves with the seed alone is unknown")
    if len(ranked) > 1 and ranked["config_hash"].is_unique:
        notes.append("no configuration was run twice, so the best of many is partly the luckiest of many")
    if 0 < len(ranked) < 10:
        notes.append(f"{len(ranked)} complete trial{'s are' if len(ranked) > 1 else ' is'} a look around, not evidence")
    lacking = (class_matrix(tables).isna().any(axis=1)).sum()
    if lacking:
        notes.append(f"in {plural(lacking, 'trial')} a class is absent, and mIoU is the mean over the others")
    text = "; ".join(notes)
    return f"{text[0].upper()}{text[1:]}." if notes else None
