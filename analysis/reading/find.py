"""Where a study is: by the name or path that a person types."""

from pathlib import Path

from analysis.reading.nni_database import database_file
from rarepix.layout import TRIALS, record_files, studies


class NoStudy(ValueError):
    """There is nothing to read; the message says where it was looked for."""


def find_study(name: str | None, results: Path, *, begun: bool = True) -> Path:
    """Return where the study *name* is, or the newest one if there is no name.

    A name means a study under *results* first: a folder of the same name where the command runs would be a surprise.
    It can be a study's folder, a database of NNI or the folder of its experiment, or a CSV file, too.

    Args:
        begun: whether a trial must have left a record in a study's folder.

    Raises:
        NoStudy: there is none, or no trial in it has left a record.
    """
    found = studies(results)
    known = (
        f"there are {', '.join(sorted(study.name for study in found))}"
        if found
        else "there is none yet: run a study first"
    )
    if name is None:
        if not found:
            raise NoStudy(f"a study must have left records under {results}, but {known}")
        return found[-1]
    candidates = [results / name, Path(name)]
    study = next((folder for folder in candidates if (folder / TRIALS).is_dir()), None)
    if study is not None:
        if begun and not any(record_files(study)):
            raise NoStudy(
                f"{study} must hold trials/<trial>/record.json, but no trial has left a record: has the study started?"
            )
        return study
    if is_table(Path(name)) or database_file(Path(name)):
        return Path(name)
    raise NoStudy(
        f"the study must be a folder with trials/ in it, a name under {results}, a database of NNI or a CSV file, "
        f"but got {name!r}: {known}"
    )


def is_table(path: Path) -> bool:
    """Return whether *path* is a table of runs: a CSV file."""
    return path.suffix.lower() == ".csv" and path.is_file()
