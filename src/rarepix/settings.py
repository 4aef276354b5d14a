"""The base of every configuration section: frozen, and unknown keys are refused with the nearest valid one named."""

from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rarepix.choices import nearest, pick

STRIDE = 32
"""Rows and columns of a network's input must be multiples of this, the deepest stride of the encoders."""


def _multiple_of_stride(size: tuple[int, int]) -> tuple[int, int]:
    if any(side % STRIDE for side in size):
        valid = [max(STRIDE, round(side / STRIDE) * STRIDE) for side in size]
        raise ValueError(f"rows and columns must be multiples of {STRIDE}, for instance {valid}")
    return size


WindowSize = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_multiple_of_stride)]
"""Rows and columns of a network's input, multiples of ``STRIDE``."""


class Settings(BaseModel):
    """Base of the sections of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_conversions(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse ``true`` and ``"5"`` for a number, which pydantic would convert; 10.0 for 10 is accepted."""
        section = handler(values)
        if isinstance(values, Mapping):
            converted = [key for key, value in values.items() if _is_converted(value, getattr(section, key))]
            details = [InitErrorDetails(type=CONVERTED, loc=(key,), input=values[key]) for key in converted]
            if details:
                raise ValidationError.from_exception_data(cls.__name__, details)
        return section


class OneOf(Settings):
    """A section with a choice (``loss.name``), of whose parameters only those of the chosen value may be given.

    A parameter that is not given is None; ``parameters`` fills in its default.
    """

    section: ClassVar[str]
    """Key of the section in the configuration."""
    discriminator: ClassVar[str]
    """Key of the choice in the section."""
    table: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Choice → its parameters with their defaults."""

    @model_validator(mode="after")
    def _check_parameters(self) -> Self:
        allowed = self.defaults()
        for key in self.given():
            if key not in allowed:
                takes = ", ".join(f"{self.section}.{name}" for name in allowed) or "no parameters"
                raise ValueError(
                    f"{self.section} {self.choice!r} has no parameter {key!r}; it takes {takes}: "
                    f"leave {self.section}.{key} out"
                )
        return self

    @property
    def choice(self) -> str:
        """The value of the choice."""
        return getattr(self, self.discriminator)

    @classmethod
    def spelled(cls, choice: str) -> str:
        """Return *choice* in the spelling that the configuration keeps."""
        return choice

    @classmethod
    def parameter_names(cls) -> set[str]:
        """Return the keys that are parameters of any choice; the other keys mean the same for every choice."""
        return {name for parameters in cls.table.values() for name in parameters}

    def defaults(self) -> Mapping[str, Any]:
        """Return the parameters of the choice with their defaults.

        Raises:
            ValueError: there is no such choice.
        """
        return pick(self.table, self.choice, f"{self.section}.{self.discriminator}")

    def given(self) -> dict[str, Any]:
        """Return the parameters of the choice that were given."""
        names = self.parameter_names()
        return {key: value for key, value in self if key in names and value is not None}

    def parameters(self) -> dict[str, Any]:
        """Return all parameters of the choice, defaults filled in."""
        return {**self.defaults(), **self.given()}


UNION_MEMBERS = ("constrained-int", "constrained-float", "int", "float", "str", "bool", "constrained-str")
"""What pydantic appends to the location of an error for each type that a key may have."""
CONVERTED = PydanticCustomError("converted", "a number must be a number, a truth value true or false")


class ConfigError(ValueError):
    """A configuration cannot be run; the message names the dotted key, its value and what to do."""


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """Return one line per problem of *error*, each with its dotted key."""
    return "\n".join(_explain_one(problem, root) for problem in _merge_by_key(error.errors()))


def _merge_by_key(problems: list[dict]) -> list[dict]:
    """Merge the problems of a key that may have several types; pydantic reports one problem per type."""
    merged: dict[tuple, dict] = {}
    for problem in problems:
        path = tuple(part for part in problem["loc"] if "[" not in str(part) and str(part) not in UNION_MEMBERS)
        first = merged.setdefault(path, problem | {"loc": path, "messages": []})
        first["messages"].append(problem["msg"].removeprefix("Value error, "))
    return [problem | {"msg": " or ".join(problem["messages"])} for problem in merged.values()]


def _is_converted(value: Any, result: Any) -> bool:
    """Return whether pydantic made *result* of a *value* of another type."""
    if isinstance(result, bool):
        return not isinstance(value, bool)
    if isinstance(result, (int, float)):
        return isinstance(value, (bool, str))
    if isinstance(result, tuple) and isinstance(value, (list, tuple)):
        return any(map(_is_converted, value, result))
    return False


def _explain_one(problem: dict, root: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"]
    if not key:
        return message
    if problem["type"] == "extra_forbidden":
        valid = [*(f"{key.rpartition('.')[0]}.{name}".lstrip(".") for name in _fields_at(root, problem["loc"][:-1]))]
        return f"unknown key {key!r}: {nearest(key, valid)}valid: {', '.join(valid)}"
    if problem["type"] == "missing":
        return f"{key} must be given, but is not"
    if problem["type"] in ("model_type", "model_attributes_type", "dataclass_type"):
        names = ", ".join(f"{key}.{name}" for name in _fields_at(root, problem["loc"]))
        return f"{key} is a section with the keys {names}, but got {problem['input']!r}: give one of them"
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        return message  # a check across keys, whose message names them
    return f"{key}: {message}, but got {problem['input']!r}"


def _fields_at(root: type[BaseModel], path: tuple) -> list[str]:
    model = root
    for part in path:
        annotation = model.model_fields[part].annotation
        model = next((kind for kind in get_args(annotation) if kind is not NoneType), annotation)  # X of X | None
    return list(model.model_fields)
