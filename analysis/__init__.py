"""What a study says: its records read into tables, its choices compared, its report written.

Reads records (``rarepix.records``) and nothing else of ours, so that a study can be read on a machine without torch.
What is below works on any table of runs, too (``load_table``).
"""

from analysis.reading.collect import load_study
from analysis.reading.tables import Tables
from analysis.reading.tidy import load_table
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
