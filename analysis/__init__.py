"""Analysis of a study: its records are read into tables, its configurations compared, and its report written.

Of this project only the records, labels, file names and scores are imported, so that a study can be analysed on a
machine without torch or nni. Every function below also works on any table of runs (``load_table``).
"""

from analysis.reading.load_study import load_study as load_study
from analysis.reading.load_table import load_table as load_table
from analysis.reading.tables import Tables as Tables
from analysis.statistics.compare import compare as compare
from analysis.statistics.correlate import correlate as correlate
from analysis.statistics.effects import effects as effects
from analysis.statistics.equivalence import practical as practical
from analysis.statistics.friedman import average_ranks as average_ranks
from analysis.statistics.friedman import friedman as friedman
from analysis.statistics.friedman import nemenyi as nemenyi
from analysis.statistics.image_bootstrap import dataset_iou_interval as dataset_iou_interval
from analysis.statistics.iqm import iqm as iqm
from analysis.statistics.linear_model import linear_model as linear_model
from analysis.statistics.power import power as power
from analysis.statistics.spread import power_from as power_from
from analysis.study.audit import audit as audit
from analysis.study.class_differences import class_differences as class_differences
from analysis.study.importance import importance as importance
