"""Analysis of a study: its records are read into tables, its configurations compared, and its report written.

Of this project only the records, labels, file names and scores are imported, so that a study can be analysed on a
machine without torch or nni. Every function below also works on any table of runs (``load_table``).
"""

from analysis.reading.load_study import load_study
from analysis.reading.load_table import load_table
from analysis.reading.tables import Tables
from analysis.statistics.compare import compare
from analysis.statistics.correlate import correlate
from analysis.statistics.effects import effects
from analysis.statistics.equivalence import practical
from analysis.statistics.friedman import average_ranks, friedman, nemenyi
from analysis.statistics.image_bootstrap import dataset_iou_interval
from analysis.statistics.iqm import iqm
from analysis.statistics.power import power
from analysis.statistics.spread import power_from
from analysis.study.audit import audit
from analysis.study.class_differences import class_differences
from analysis.study.importance import importance

__all__ = [
    "Tables",
    "audit",
    "average_ranks",
    "class_differences",
    "compare",
    "correlate",
    "dataset_iou_interval",
    "effects",
    "friedman",
    "importance",
    "iqm",
    "load_study",
    "load_table",
    "nemenyi",
    "power",
    "power_from",
    "practical",
]
