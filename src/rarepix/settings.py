"""The base of every configuration section: frozen, and unknown keys are refused with the nearest valid one named."""

from types import NoneType
from typing import get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from rarepix.choices import nearest


class Settings(BaseModel):
    """A frozen section of the configuration that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the dotted key, what came and what to do."""


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """Return one line per problem of *error*, each with its dotted key."""
    return "\n".join(_explain_one(problem, root) for problem in error.errors())


def _explain_one(problem: dict, root: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        valid = [*(f"{key.rpartition('.')[0]}.{name}".lstrip(".") for name in _fields_at(root, problem["loc"][:-1]))]
        return f"unknown key {key!r}: {nearest(key, valid)}valid: {', '.join(valid)}"
    if problem["type"] == "missing":
        return f"{key} must be given, but is not"
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        return message  # a check across keys, which names them itself
    return f"{key}: {message}, but got {problem['input']!r}"


def _fields_at(root: type[BaseModel], path: tuple) -> list[str]:
    model = root
    for part in path:
        annotation = model.model_fields[part].annotation
        model = next((kind for kind in get_args(annotation) if kind is not NoneType), annotation)  # of X | None: X
    return list(model.model_fields)
