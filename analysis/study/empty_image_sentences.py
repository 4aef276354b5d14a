"""What a study says of empty images in sentences: the two questions apart, and what the tuned gates do."""

import pandas as pd

from analysis.reading.tables import GATED, Tables
from analysis.statistics.formatting import number, plural
from analysis.study.comparisons import TreatmentComparison
from analysis.study.empty_images import ALARMS, EmptyImages
from analysis.study.headline import NOTHING, main_question, others_sentence, question_text
from analysis.study.leaderboard import CONFIGURATION, TEST, VALIDATION
from analysis.study.question import Question, question
from analysis.study.tuned_gates import IOU, RATE, SENSITIVITY

QUESTIONS = {
    ALARMS: "What helps against false alarms at equal sensitivity?",
    IOU: "What helps IoU?",
}
"""Score → the question that it answers."""


def answers(tables: Tables, found: EmptyImages) -> dict[str, list[str]]:
    """Return score → what can be said of each parameter, of each of ``QUESTIONS`` that the study has scores for.

    Of whole configurations it is said where no parameter is compared by itself.
    """
    said = {}
    for name in QUESTIONS:
        asked = _asked(tables, found.of(name))
        parameters = [each for each in asked if each.comparison.treatment != CONFIGURATION]
        if (found.means["score"] == name).any():
            said[name] = [question_text(tables, each) for each in parameters or asked] or [NOTHING]
    return said


def false_alarms_sentence(tables: Tables, found: EmptyImages) -> str:
    """Return the answer to the first question, for the top of the report; nothing where there is none."""
    return short_answer(tables, found, ALARMS, "False alarms on empty images: ")


def short_answer(tables: Tables, found: EmptyImages, score: str, begun: str) -> str:
    """Return the most that the comparisons under *score* show, behind *begun*; nothing where nothing was compared."""
    asked = _asked(tables, found.of(score))
    if not asked:
        return ""
    main = main_question(asked)
    others = others_sentence([each for each in asked if each is not main and len(each.pairs)])
    return " ".join(filter(None, [f"{begun}{question_text(tables, main)}", others]))


def _asked(tables: Tables, comparisons: list[TreatmentComparison]) -> list[Question]:
    asked = [question(tables, comparison) for comparison in comparisons]
    return [each for each in asked if len(each.pairs) or len(each.comparison.overall)]


def images_sentence(tables: Tables, split: str) -> str:
    """Return how many images of *split* are empty and how many are not; nothing where no record says so."""
    rows = tables.threshold_curves[tables.threshold_curves["split"] == split].drop_duplicates("trial")
    if rows.empty:
        return ""
    empty, positive = (_range(rows[name]) for name in ("empty", "positive"))
    name = "validation" if split == VALIDATION else split
    return f"Of the {name} images of a trial {empty} are empty, and {positive} hold foreground."


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} to {high}"


def gate_sentences(found: EmptyImages) -> list[str]:
    """Return what the gates do on the split that tells most, and how sure it is; none where no trial has a gate."""
    if found.gates.empty:
        return []
    split = TEST if (found.gates["split"] == TEST).any() else VALIDATION
    rows = found.gates[found.gates["split"] == split]
    trials, name = rows["trials"], "validation" if split == VALIDATION else split

    def mean(score: str) -> str:
        return number(float((rows[score] * trials).sum() / trials.sum()))

    alarms = f"false alarms on empty images go from {mean(RATE)} to {mean(GATED + RATE)}"
    if rows[SENSITIVITY].notna().all():
        alarms += f", sensitivity from {mean(SENSITIVITY)} to {mean(GATED + SENSITIVITY)}"
    if rows[IOU].notna().all():
        alarms += f", foreground IoU from {mean(IOU)} to {mean(GATED + IOU)}"
    over, sure = plural(int(trials.sum()), "trial"), f"{100 * rows['confidence'].min():.3g} %"
    sentences = [
        f"With the gates that were tuned on validation, {alarms} (mean of {over} on {name}).",
        f"Each gate has a bound of its own: with a confidence of {sure}, its rate of false alarms on empty images of "
        f"the same kind is at most this; the highest of the bounds is {number(rows['bound'].max())}.",
    ]
    if split == TEST:
        sentences.append(
            f"On test the rate that was counted is at most the bound of its own gate in {int(rows['within'].sum())} of "
            f"{over}."
        )
    return sentences
