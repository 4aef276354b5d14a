"""What the table of classes says of the best trial."""

import pandas as pd

from analysis.reporting.text_tables import classes_text
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
