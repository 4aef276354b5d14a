"""``dataset.json``: what the ids in the masks of a dataset mean."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarepix.data.source import DataError
from rarepix.labels import IGNORE, LabelSpace, Task
from rarepix.settings import explain


class Description(BaseModel):
    """What ``dataset.json`` may say; further keys are for people."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str | None = None
    """Default: the name of the folder."""
    classes: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    background: int | None = None
    """Default: 0 if the first class is called background."""
    ignore_index: int = IGNORE
    palette: list[Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]] = []
    """Red, green and blue of every class."""
    rare_classes: list[str] = []
    task: str = Task.MULTICLASS.value

    @model_validator(mode="after")
    def _one_colour_a_class(self) -> "Description":
        if self.palette and len(self.palette) < len(self.classes):
            raise ValueError(
                f"palette must have a colour for each of the {len(self.classes)} classes, but has {len(self.palette)}"
            )
        if self.task != Task.MULTICLASS:
            raise ValueError(f"task must be 'multiclass' (a class for every pixel), but got {self.task!r}")
        return self


def describe(file: Path) -> Description:
    """Return what *file* says. Raises ``DataError`` if it is no such description."""
    try:
        return Description.model_validate_json(file.read_text(encoding="utf-8-sig"))
    except (ValidationError, UnicodeDecodeError) as error:
        what = explain(error, Description) if isinstance(error, ValidationError) else str(error)
        raise DataError(f"{file}: {what}") from error


def label_space(description: Description, file: Path) -> LabelSpace:
    """Return the classes that *description*, read from *file*, names. Raises ``DataError`` if they do not fit."""
    background = 0 if description.classes[0] == "background" else None
    try:
        return LabelSpace(
            names=tuple(description.classes),
            background=description.background if description.background is not None else background,
            ignore=description.ignore_index,
            palette=tuple(tuple(colour) for colour in description.palette),
            rare=tuple(description.rare_classes),
        )
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
