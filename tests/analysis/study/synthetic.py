"""Tables made in memory, for what needs many trials or scores that are known exactly."""

import pandas as pd

from analysis.reading.tables import CLASS_COLUMNS, FIXED, IMAGE_COLUMNS, Tables


def tables_of(rows: list[dict], parameters: tuple[str, ...], classes: list[dict] | None = None, **changes) -> Tables:
    """Return a study of *rows*: complete trials unless a row says else, named and started in their order.

    Keys are columns of ``trials``; ``config_hash`` is made of *parameters*. *classes*: rows trial, class, iou, split.
    """
    named = [
        {"trial": f"t{i:04d}", "status": "complete", "objective_name": "miou", "seed": 0, "fold": 0}
        | {"started": f"2024-05-01T{i // 60:02d}:{i % 60:02d}:00", "config_hash": str([row.get(p) for p in parameters])}
        | row
        for i, row in enumerate(rows)
    ]
    trials = pd.DataFrame(named)
    trials = trials.reindex(columns=[*FIXED, *(name for name in trials if name not in FIXED)])
    table = pd.DataFrame(classes or [], columns=CLASS_COLUMNS)
    empty = {"images": pd.DataFrame(columns=IMAGE_COLUMNS), "curves": pd.DataFrame()}
    left_out = pd.DataFrame(columns=["trial", "file", "reason"])
    fields = empty | {"left_out": left_out, "study": "made", "confirmation": None}
    return Tables(trials, table.assign(rare=False), parameters=parameters, **fields)._replace(**changes)
