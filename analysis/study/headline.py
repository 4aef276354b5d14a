"""The headline of a report: the most that the comparisons show, the main question first."""

import pandas as pd

from analysis.reading.tables import Tables
from analysis.study.class_differences import gains_and_costs
from analysis.study.leaderboard import TEST
from analysis.study.question import Question, question
from analysis.study.question_sentences import question_sentences
from analysis.study.results import Results, main_comparisons
from analysis.study.verdict_rules import CLAIMS, NOT_SHOWN

NOTHING = "Nothing can be compared: no categorical parameter has two levels among the complete trials."


def comparison_sentence(tables: Tables, results: Results, alpha: float = 0.05) -> str:
    """Say the most that the comparisons show; of the surest decided difference, which classes it comes from."""
    asked = [question(tables, comparison) for comparison in results.comparisons]
    if not any(len(each.pairs) or len(each.comparison.overall) for each in asked):
        return NOTHING
    first = [id(comparison) for comparison in main_comparisons(tables, results.comparisons)]
    main = main_question([each for each in asked if id(each.comparison) in first] or asked)
    sentences = [question_text(tables, main), classes_sentence(main, results.differences, alpha)]
    sentences.append(others_sentence([each for each in asked if each is not main and len(each.pairs)]))
    return " ".join(filter(None, sentences))


def question_text(tables: Tables, asked: Question) -> str:
    """Return what can be said of one question, beginning with its treatment, and its score if nothing is decided."""
    text = " ".join(question_sentences(tables, asked))
    if len(asked.decided):
        return f"{asked.comparison.treatment}: {text}"
    return f"{asked.comparison.treatment}, {asked.label}: {text[:1].lower()}{text[1:]}"


def main_question(asked: list[Question]) -> Question:
    """Return the question that most can be said of; of equal ones the first."""
    return max(asked, key=lambda each: (len(each.decided) > 0, each.rejected or each.claimed, len(each.pairs) > 0))


def classes_sentence(asked: Question, differences: pd.DataFrame, alpha: float) -> str:
    """Say which classes the surest decided difference of *asked* comes from; *differences* of ``class_differences``."""
    if asked.decided.empty:
        return ""
    surest = asked.decided.iloc[0]
    same = differences["treatment"] == surest["treatment"]
    same &= (differences["a"] == surest["a"]) & (differences["b"] == surest["b"])
    if not same.any():
        return ""
    sure = differences[same & (differences["p_adjusted"] <= alpha)]
    sure = sure.assign(difference=asked.sign(surest) * sure["difference"])
    by_class = gains_and_costs(sure) if len(sure) else "no single class is shown to differ"
    which = "Of the surest, by class" if len(asked.decided) > 1 else "By class"
    return f"{which}: {by_class}."


def others_sentence(others: list[Question]) -> str:
    """Say how many of the other comparisons show a difference, could have, or cannot; empty without others."""
    if not others:
        return ""
    rows = pd.concat([each.pairs.assign(_label=each.label) for each in others], ignore_index=True)
    shown = rows[rows["exact"].isin(CLAIMS)]
    silent, parts = int((rows["exact"] == NOT_SHOWN).sum()), []
    if len(shown):
        surest = shown.loc[shown["p_adjusted"].idxmin()]
        claim = surest["sentence"].partition(";")[0]
        verb = "shows" if len(shown) == 1 else "show"
        parts.append(
            f"{len(shown)} {verb} a difference, most surely {surest['treatment']}, {surest['_label']}: {claim}"
        )
    if silent:
        parts.append(f"{silent} could have shown a difference and did not")
    undecidable = len(rows) - len(shown) - silent
    if undecidable:
        parts.append(f"{undecidable} cannot be decided with so few trials, whatever came out")
    claimed = int((rows["model"].isin(CLAIMS) & ~rows["exact"].isin(CLAIMS)).sum())
    if claimed:
        parts.append(f"assuming normal errors {claimed} of those {'differs' if claimed == 1 else 'differ'}")
    on_test = rows["score"].str.startswith(f"{TEST}_")
    where = " on test" if on_test.all() else " on validation" if not on_test.any() else ""
    subject = f"Of the other {len(rows)} comparisons" if len(rows) > 1 else "The other comparison"
    return f"{subject}{where}{',' if len(rows) > 1 else ':'} {'; '.join(parts)}."
