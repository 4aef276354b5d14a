"""``dataset.json``: what the ids in the masks of a dataset mean."""

import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarepix.data.source import DataError
from rarepix.labels import IGNORE, SOFT_SCALE, LabelSpace, Task
from rarepix.settings import explain


class Description(BaseModel):
    """The keys of ``dataset.json`` that are read; others are ignored."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str | None = None
    """Default: the name of the folder."""
    classes: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    background: int | None = None
    """Default: 0 if the task is binary or the first class is called background."""
    ignore_index: int | None = None
    """Default, and where it is null: 255."""
    palette: list[Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]] = []
    """Red, green and blue of every class."""
    rare_classes: list[str] = []
    """Default: of a binary task, the class that is not background."""
    task: Task = Task.MULTICLASS
    soft: bool = False
    """Grey values of masks are shares of the class, 255 the whole pixel; of a source with a mask for each class."""

    @model_validator(mode="after")
    def _one_colour_a_class(self) -> "Description":
        if self.palette and len(self.palette) < len(self.classes):
            raise ValueError(
                f"palette must have a colour for each of the {len(self.classes)} classes, but has {len(self.palette)}"
            )
        return self


D = TypeVar("D", bound=Description)


def describe(file: Path, kind: type[D] = Description) -> D:
    """Return *file*, read as a description of this *kind*. Raises ``DataError`` if it is none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        with suppress(json.JSONDecodeError):  # pydantic says more about those
            json.loads(text, object_pairs_hook=partial(_check_unique, file))
        return kind.model_validate_json(text)
    except (ValidationError, UnicodeDecodeError) as error:
        what = explain(error, kind) if isinstance(error, ValidationError) else str(error)
        raise DataError(f"{file}: {what}") from error


def _check_unique(file: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DataError(f"{file} must give every key once, but gives {', '.join(twice)} more often: keep one of them")
    return dict(pairs)


def label_space(description: Description, file: Path) -> LabelSpace:
    """Return the classes that *description*, read from *file*, names. Raises ``DataError`` if they are inconsistent."""
    binary = description.task is Task.BINARY
    background = description.background
    if background is None and (binary or description.classes[0] == "background"):
        background = 0
    try:
        return LabelSpace(
            names=tuple(description.classes),
            background=background,
            ignore=IGNORE if description.ignore_index is None else description.ignore_index,
            palette=tuple(tuple(colour) for colour in description.palette),
            rare=tuple(description.rare_classes or (description.classes[1:] if binary else ())),
            task=description.task,
            scale=SOFT_SCALE if description.soft else 1,
        )
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
