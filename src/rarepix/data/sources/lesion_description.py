"""What a folder of lesions says about itself: which lesions there are, and what their files are called."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from rarepix.data.source import DataError
from rarepix.data.sources.description import Description, describe
from rarepix.data.sources.lists import text_of
from rarepix.labels import Task

DESCRIPTION, CLASSES, NAMES = "dataset.json", "classes.txt", "class_names.txt"


class LesionDescription(Description):
    """What ``dataset.json`` may say about lesions; classes are the lesions, without a background."""

    task: Task = Task.MULTILABEL
    """binary: lesions are one class, whatever a recipe says."""
    codes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Short name of every class, by which its files may be called."""
    above: int = Field(0, ge=0, lt=255)
    """A pixel is of a lesion where the grey value of its mask is above this."""
    images: str | None = None
    """Folder of the images. Default: ``images``, or the one that begins with ``images_``."""
    masks: str | None = None
    """Folder of the masks. Default: ``masks``, or the one that begins with ``lesion_segs``."""

    @model_validator(mode="after")
    def _lesions(self) -> "LesionDescription":
        if self.codes and len(self.codes) != len(self.classes):
            raise ValueError(f"codes must name each of the {len(self.classes)} classes, but has {len(self.codes)}")
        owners = {name: name for name in self.classes}
        for name, code in zip(self.classes, self.codes, strict=False):
            if owners.setdefault(code, name) != name:
                raise ValueError(f"codes must tell the classes apart, but {code!r} is of {owners[code]!r} and {name!r}")
        if self.task is Task.MULTICLASS:
            raise ValueError("task must be multilabel or binary, since lesions overlap, but is multiclass")
        if "background" in self.classes:
            raise ValueError("classes must be the lesions alone, but one is background: leave it out")
        return self

    def numbers(self) -> dict[str, int]:
        """Return what files may be called → number of the lesion."""
        spelt = {name: number for number, name in enumerate(self.classes)}
        return {code: number for number, code in enumerate(self.codes)} | spelt


def read_description(root: Path) -> LesionDescription:
    """Return what the folder *root* says about its lesions.

    Raises:
        DataError: it does not say what they are called, or not in a way that can be read.
    """
    if (root / DESCRIPTION).is_file():
        return describe(root / DESCRIPTION, LesionDescription)
    for file in (root / CLASSES, root / NAMES):
        if file.is_file():
            return _from_lines(file)
    raise DataError(
        f"{root} must say what its lesions are called, but has no {DESCRIPTION}, no {CLASSES} and no {NAMES}: "
        f'write {DESCRIPTION}, such as {{"classes": ["haemorrhage", "exudate"], "codes": ["HE", "EX"]}}'
    )


def _from_lines(file: Path) -> LesionDescription:
    lines = [line.strip() for line in text_of(file).splitlines() if line.strip()]
    parts = [[part.strip() for part in line.split(",")] for line in lines]
    if not parts or len({len(words) for words in parts}) > 1 or len(parts[0]) > 2 or not all(map(all, parts)):
        raise DataError(f"{file} must hold a name, or a name and its code (name,code), in every line, but has {lines}")
    codes = tuple(words[1] for words in parts) if len(parts[0]) == 2 else ()
    try:
        return LesionDescription(classes=[words[0] for words in parts], codes=codes)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
