"""Reanalysis of the 50 runs: exact tests, corrections, effects, classes, power, audit; what they can show, what not.

Arms that differ in split and sampling alone are pooled where the question is the copy-paste: a block is then (arm,
seed of the split), ten in all. Both arms share the seeds and the one test set, so ten blocks are less than ten
independent looks; p speaks of these runs.
"""

from pathlib import Path

import pandas as pd

from analysis.published import study_files
from analysis.published.reported import CLASSES, RANK_SUMS
from analysis.published.reproduced import Section
from analysis.reading.tables import Tables
from analysis.statistics.compare import compare
from analysis.statistics.corrections import correct
from analysis.statistics.equivalence import practical
from analysis.statistics.formatting import correction_words, floor_text, number, p_text, signed
from analysis.statistics.friedman import average_ranks, friedman
from analysis.statistics.spread import power_from
from analysis.study.audit import audit
from analysis.study.class_differences import class_differences, gains_and_costs

SCORE, SEED, PASTE, ARM = "test_mIoU", "random_state", "paste_by", "arm"
FIRST = "FALSE_random_x2_FALSE_none"
"""The configuration of the first run: nothing thinned, nothing done."""
PLAIN = "TRUE_random_x2_FALSE_none"
"""Thinned, split at random, nothing done about it: what the remedies are compared with."""
SHARED = (
    "Ten pairs here are two arms times the same five seeds, tested on one test set: less than ten independent "
    "looks. The p speaks of these runs."
)
GAINS = (0.005, 0.010, 0.013)
BLOCKS = (5, 8, 10, 20, 31)


def reanalysis_sections(folder: Path) -> list[Section]:
    """Return the sections of the reanalysis."""
    study = study_files.as_study(folder)
    runs = with_arms(study_files.runs(folder))
    pasted = runs[runs[ARM].isin(["random x2", "mskf cnt"])]
    thinned = study.trials["configs"].str.upper().str.startswith("TRUE")
    return [
        published_pairs(runs),
        overall(runs),
        pooled(runs, pasted),
        per_class(study_files.as_study(folder, study_files.PARAMETERS), pasted),
        spread(runs),
        power_section(pasted),
        # A search begins with its default: among all ten that is the study's first run, among the thinned ones what is
        # left untreated.
        _audit_section(
            "The audit, eight thinned configurations",
            study._replace(trials=study.trials[thinned], default={"configs": PLAIN}),
        ),
        _audit_section("The audit, all ten configurations", study._replace(default={"configs": FIRST})),
    ]


def with_arms(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the column ``arm``, split and sampling of the thinned ones (NaN where nothing was thinned).

    ``is_imbalance`` is read as a text as well as a boolean: CSV knows no types.
    """
    thinned = runs["is_imbalance"].astype(str).str.upper() == "TRUE"
    arm = runs["split_strategy"] + " " + runs["resampling_strategy"]
    return runs.assign(**{ARM: arm.where(thinned), "thinned": thinned, PASTE: runs[PASTE].fillna("none")})


def short_name(configuration: str) -> str:
    """Return ``mskf cnt, paste cnt`` for ``TRUE_mskf_cnt_TRUE_cnt``."""
    thinned, split, sampling, pasted, by = configuration.replace("skf_prop", "skf-prop").split("_")
    name = f"{split} {sampling}" + (f", paste {by}" if pasted == "TRUE" else "")
    return name if thinned == "TRUE" else f"not thinned, {name}"


def published_pairs(runs: pd.DataFrame) -> Section:
    """Test the six published pairs again, paired by seed and unpaired, both exactly."""
    rows, how = [], {"treatment": "configs", "score": SCORE, "correction": None}
    for pair in RANK_SUMS:
        both = runs[runs["configs"].isin([pair.first, pair.second])]
        paired = compare(both, **how, block=SEED).iloc[0]
        free = compare(both, **how, block=None, test="mann_whitney").iloc[0]
        turned = 1 if paired["b"] == pair.second else -1
        low, high = sorted((turned * paired["low"], turned * paired["high"]))
        rows.append(
            {"first": short_name(pair.first), "second": short_name(pair.second)}
            | {"second - first": turned * paired["difference"], "low": low, "high": high}
            | {"rank_biserial": turned * paired["effect"], "n": paired["n"]}
            | {"p_paired": paired["p"], "p_unpaired": free["p"]}
        )
    table = pd.DataFrame(rows)
    for kind in ("paired", "unpaired"):
        for correction in ("holm", "bh"):
            table[f"p_{kind}_{correction}"] = correct(table[f"p_{kind}"], correction)
    least = 2 / 2 ** int(table["n"].min())
    surviving = int((table["p_unpaired_holm"] <= 0.05).sum())
    return Section(
        "The six published pairs, exactly",
        table,
        [
            f"The runs share the seeds of the split, so they are pairs; with n = {int(table['n'].min())} pairs the "
            f"smallest possible signed-rank p is {floor_text(least)}: no paired test of two of these configurations "
            "could have shown anything, whatever came out.",
            f"As independent groups, which they are not, {surviving} of 6 survive Holm.",
        ],
    )


def overall(runs: pd.DataFrame) -> Section:
    """Friedman's test and mean ranks of the ten configurations over the five seeds, and of the eight thinned ones."""
    how = {"treatment": "configs", "block": SEED, "score": SCORE}
    sentences = []
    for name, some in (("ten", runs), ("eight thinned", runs[runs["thinned"]])):
        row = friedman(some, **how).iloc[0]
        sentences.append(
            f"The {name} configurations differ (Friedman {row['statistic']:.1f}, Iman-Davenport p {p_text(row['p'])}, "
            f"Kendall's W {number(row['kendall_w'], 2)}, n = {row['n']} seeds)."
            if row["p"] <= 0.05
            else f"No difference shown among the {name} configurations (p {p_text(row['p'])})."
        )
    ranks = average_ranks(runs, **how)
    distance = ranks["critical_difference"].iloc[0]
    gap = ranks["mean_rank"].max() - ranks["mean_rank"].min()
    sentences.append(
        f"Two mean ranks have to lie {distance:.2f} apart to differ (Nemenyi). Best and last lie {gap:.2f} apart; "
        f"the largest gap between neighbours is {ranks['mean_rank'].diff().max():.2f}."
    )
    ranks = ranks.assign(level=ranks["level"].map(short_name))
    return Section("All ten configurations", ranks, sentences)


def pooled(runs: pd.DataFrame, pasted: pd.DataFrame) -> Section:
    """Ask the questions that several arms answer together: copy-paste, re-sampling, split, thinning."""
    plain = runs[runs[PASTE] == "none"]
    resampled = plain[plain[ARM].isin(["mskf x2", "mskf cnt"])]
    twice = plain[plain["resampling_strategy"] == "x2"]
    asked = [
        ("copy-paste", pasted, PASTE, [ARM, SEED], "none"),
        ("re-sampling", resampled, "resampling_strategy", [SEED], "x2"),
        ("split", twice, "split_strategy", ["thinned", SEED], "random"),
        ("thinning", twice, "thinned", ["split_strategy", SEED], False),
    ]
    tables = []
    for question, table, treatment, block, against in asked:
        how = {"treatment": treatment, "block": block, "score": SCORE, "against": against}
        rows, likely = compare(table, **how), practical(table, **how)
        tables.append(rows.assign(question=question, p_equivalent=likely["p_equivalent"].to_numpy()))
    kept = ["question", "a", "b", "n", "difference", "low", "high", "effect", "p", "p_adjusted", "p_equivalent"]
    table = pd.concat(tables, ignore_index=True)
    return Section(
        "Questions that several configurations answer together",
        table[kept].astype({"a": str, "b": str}),
        [*(f"{row.question}: {row.verdict}." for row in table.itertuples()), SHARED],
    )


def per_class(study: Tables, pasted: pd.DataFrame) -> Section:
    """Copy-paste by count against none, class by class, over ten blocks."""
    trials = with_arms(study.trials)
    trials = trials[trials[ARM].isin(pasted[ARM]) & trials[PASTE].isin(["none", "cnt"])]
    some = study._replace(trials=trials, block=(ARM, SEED), parameters=(PASTE,))
    rows = class_differences(some, PASTE, against="none")
    kept = ["class", "n", "difference", "low", "high", "p", "p_adjusted"]
    shown = rows[rows["p_adjusted"] <= 0.05]
    return Section(
        "Copy-paste by count against none, class by class",
        rows[kept],
        [
            f"{len(shown)} of {len(rows)} classes differ after Benjamini-Hochberg: {', '.join(shown['class']) or '–'}.",
            f"Copy-paste by count: {gains_and_costs(rows)}.",
            SHARED,
        ],
    )


def spread(runs: pd.DataFrame) -> Section:
    """How much a class moves with the seed alone, against how much their mean does (SD over seeds, pooled)."""
    within = runs.groupby("configs")[[SCORE, *CLASSES]].var().mean() ** 0.5
    table = within[list(CLASSES)].sort_values(ascending=False).rename("sd").rename_axis("class").reset_index()
    table["times"] = table["sd"] / within[SCORE]
    largest = table.iloc[0]
    return Section(
        "Spread over seeds, class by class",
        table,
        [
            f"The SD of mIoU over seeds is {number(within[SCORE], 4)}; that of a single class is up to "
            f"{largest['times']:.1f} times as much ({largest['class']}, {number(largest['sd'], 4)})."
        ],
    )


def power_section(pasted: pd.DataFrame) -> Section:
    """What a repetition would need: power of the signed-rank test, from the spread of the differences seen here."""
    table = power_from(pasted, treatment=PASTE, block=[ARM, SEED], score=SCORE, gain=GAINS, blocks=BLOCKS)
    sentences = []
    for gain, rows in table.groupby("gain"):
        enough = rows.loc[rows["power"] >= 0.8, "blocks"]
        least = f"{enough.min()} blocks are enough" if len(enough) else f"{max(BLOCKS)} blocks are too few"
        sentences.append(f"To find a gain of {signed(gain)} mIoU with 80 % power {least} (of those tried).")
    kept = ["gain", "blocks", "power", "low", "high", "floor_adjusted", "decidable", "sd_difference"]
    seen = table.iloc[0]
    sentences.append(
        f"From differences with an SD of {number(seen['sd_difference'], 4)} (one score {number(seen['sd'], 4)}, "
        f"correlation over blocks {number(seen['correlation'], 2)})"
        f"{correction_words(seen['correction'], seen['comparisons'])}."
    )
    return Section("Power of the next study", table[kept], sentences)


def _audit_section(title: str, study: Tables) -> Section:
    table = audit(study)
    return Section(title, table[["check", "value", "low", "high", "n"]], table["sentence"].tolist())
