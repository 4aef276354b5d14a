"""Read a study into flat tables; the rest of the analysis works on these tables with pandas.

tables = load_study("results/demo")
tables.trials        a row per trial: study, status, block, objective, derived scores, timings, versions, parameters
tables.classes       trial × split × class: integer counts, IoU, how much of the class the train split held
tables.images        trial × split × image × class: integer counts
tables.curves        a row per validation, attempts kept apart
tables.confusion     trial × split × true × predicted class: pixels
tables.threshold_curves  trial × split × threshold: what is found in images with foreground and in empty ones
tables.left_out      what could not be read or used, and why
tables.parameters    which columns of ``trials`` were sampled
tables.confirmation  what the study confirms, if it confirms another one
tables.block         which columns of ``trials`` make a block
tables.default       the configuration that the others are compared with, if the study names one
tables.looks         when the study was looked at and then extended
"""

from collections.abc import Sequence
from pathlib import Path

from analysis.reading.merge_studies import merge_studies
from analysis.reading.nni_trials import read_experiment
from analysis.reading.study_folder import LoadedStudy, read_folder
from analysis.reading.tables import LeftOut, Tables, notes_on
from rarepix.layout import TRIALS
from rarepix.nni_database import database_file


def load_study(path: str | Path | Sequence[str | Path]) -> Tables:
    """Return the tables of the study at *path*; of several studies read as one, where *path* lists them.

    A study is its folder under ``results``, a database of NNI (``nni.sqlite``), or the folder of an NNI experiment
    with ``db/nni.sqlite`` in it. Of a study's folder and the database of the same experiment, listed together, the
    records are used, and the database adds the trials that left none. What cannot be read (cut off, or of a newer
    schema) is named in ``left_out`` and stops nothing else.

    Raises:
        FileNotFoundError: there is no study at *path*.
        ValueError: *path* lists nothing, or one study twice, or is a CSV file (see ``load_table``).
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
    if not paths:
        raise ValueError("at least one study must be named, but got none: name a folder or a database")
    places = [place.resolve() for place in paths]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise ValueError(f"every study must be named once, but {twice} is named twice: leave one out")
    tables = merge_studies([_read(place) for place in paths])
    left_out = LeftOut(tables.left_out.to_dict("records"))
    notes_on(tables.trials, tables.classes, left_out)
    return tables._replace(left_out=left_out.table())


def _read(path: Path) -> LoadedStudy:
    if path.suffix.lower() == ".csv":
        raise ValueError(f"a study must be a folder or a database of NNI, but {path} is a CSV file: use load_table")
    database = None if (path / TRIALS).is_dir() else database_file(path)
    return read_folder(path) if database is None else read_experiment(database)
