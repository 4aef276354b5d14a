"""Find a study by the name or path that a user types."""

from pathlib import Path

from rarepix.layout import TRIALS, record_files, studies
from rarepix.nni_database import database_file


class StudyNotFound(ValueError):
    """There is no study to read; the message says where it was looked for."""


def find_study(name: str | None, results: Path, *, begun: bool = True) -> Path:
    """Return the path of the study *name*, or of the newest study if *name* is None.

    A name means a study under *results* first, before a folder of the same name in the working directory. It can also
    be the path of a study's folder, of a database of NNI, of the folder of its experiment, or of a CSV file.

    Args:
        begun: whether a trial must have left a record in a study's folder.

    Raises:
        StudyNotFound: there is none, or no trial in it has left a record.
    """
    existing = studies(results)
    names = ", ".join(sorted(study.name for study in existing))
    known = f"there are {names}" if existing else "there is none yet: run a study first"
    if name is None:
        if not existing:
            raise StudyNotFound(f"a study must have left records under {results}, but {known}")
        return existing[-1]
    study = next((folder for folder in (results / name, Path(name)) if (folder / TRIALS).is_dir()), None)
    if study is not None:
        if begun and not any(record_files(study)):
            why = "no trial has left a record: has the study started?"
            raise StudyNotFound(f"{study} must hold trials/<trial>/record.json, but {why}")
        return study
    if is_table(Path(name)) or database_file(Path(name)):
        return Path(name)
    raise StudyNotFound(
        f"the study must be a folder with trials/ in it, a name under {results}, a database of NNI or a CSV file, "
        f"but got {name!r}: {known}"
    )


def is_table(path: Path) -> bool:
    """Return whether *path* is a table of runs: a CSV file."""
    return path.suffix.lower() == ".csv" and path.is_file()
