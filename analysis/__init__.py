"""What a study says: its records read into tables, its choices compared, its report written.

Reads records (``rarepix.records``) and nothing else of ours, so that a study can be read on a machine without torch.
"""

from analysis.reading.collect import Tables, load_study
from analysis.statistics.compare import compare
from analysis.statistics.correlate import correlate

__all__ = ["Tables", "compare", "correlate", "load_study"]
