"""What the table of classes says of the best trial."""

import pandas as pd

from analysis.reporting.text_tables import classes_text, comparison_text
from analysis.statistics.compare import compare
from analysis.statistics.equivalence import practical
from analysis.statistics.linear_model import linear_model
from analysis.study.class_summary import class_summary


def test_the_interval_over_images_stands_with_its_class_and_split(tables):
    names = class_summary(tables)["class"].tolist()
    rows = [("val", names[0], 0.25, 0.5), ("test", names[0], 0.1, 0.9), ("val", names[1], None, None)]
    best = pd.DataFrame([*rows, ("val", "mean IoU", 0, 1)], columns=["split", "class", "low", "high"])
    text_table = classes_text(tables, best)
    column = text_table.headings.index("95 % over images")
    assert [row[column] for row in text_table.rows] == ["0.250 to 0.500", *["–"] * (len(names) - 1)]


def test_without_an_interval_there_is_no_such_column(tables):
    nothing = pd.DataFrame(columns=["split", "class", "low", "high"])
    assert "95 % over images" not in classes_text(tables, nothing).headings


def test_the_numbers_of_a_pair_stand_with_those_of_the_other_two_verdicts():
    scores = {"a": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "b": [0.2, 0.31, 0.39, 0.52, 0.6, 0.69]}
    runs = [{"loss": name, "seed": i, "miou": value} for name, row in scores.items() for i, value in enumerate(row)]
    how = {"treatment": "loss", "block": "seed", "score": "miou"}
    table = pd.DataFrame(runs)
    rows = compare(table, **how).assign(agree="yes")
    shown = comparison_text(rows, linear_model(table, **how), practical(table, **how))
    cells = dict(zip(shown.headings, shown.rows[0], strict=True))
    assert cells["p"] == ".031"
    assert "p, closed testing" not in cells  # one comparison: nothing is adjusted
    assert cells["p, assuming normal errors"] == "< .001"
    assert cells["probability of higher by 0.005 / same / lower"] == "1.00 / 0.00 / 0.00"
    assert cells["agree"] == "yes"
    unpaired = comparison_text(rows, pd.DataFrame(), pd.DataFrame())
    beside = {"p, assuming normal errors", "probability of higher by 0.005 / same / lower", "agree"}
    assert beside <= set(shown.headings)
    assert not beside & set(unpaired.headings)
