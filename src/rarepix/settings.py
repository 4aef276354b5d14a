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


class NoParameters(Settings):
    """Of a choice that has no parameters."""


class OneOf(Settings):
    """A section with one or several choices, each of which decides which further keys may be given.

    The keys of a choice lie beside it in the section (``optim.name=sgd``, ``optim.momentum``), and their types, bounds
    and defaults are those of a class that belongs to what is chosen. A parameter that is not given, or null, is absent;
    ``chosen`` and ``parameters`` fill in its default.
    """

    model_config = ConfigDict(extra="allow")  # the parameters of what is chosen, checked below

    section: ClassVar[str]
    """Key of the section in the configuration."""
    choosers: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Key of a choice in the section (``name``) → what can be chosen → the class of its parameters, or what
    ``parameters_class`` finds it by. The first key is the one that ``_name`` of a nested choice sets."""
    restating_resets: ClassVar[bool] = True
    """Whether a recipe that makes the same choice as the recipe that it extends drops its parameters."""

    reset_with: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Key of a choice → further keys of the section that go back to their defaults when a nested choice makes another
    one."""

    @classmethod
    def parameters_class(cls, chooser: str, choice: str) -> type[Settings]:
        """Return the class of the parameters of *choice*.

        Raises:
            ChoiceError: there is no such choice.
        """
        return pick(cls.choosers[chooser], choice, f"{cls.section}.{chooser}")

    @classmethod
    def all_parameters(cls, chooser: str) -> dict[str, list[str]]:
        """Return parameter → the choices that have it."""
        owners: dict[str, list[str]] = {}
        for choice in cls.choosers[chooser]:
            for name in cls.parameters_class(chooser, choice).model_fields:
                owners.setdefault(name, []).append(choice)
        return owners

    @classmethod
    def spelled(cls, choice: str) -> str:
        """Return *choice* in the spelling that the configuration keeps."""
        return choice

    @model_validator(mode="wrap")
    @classmethod
    def _check_parameters(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Check the parameters by the classes of what is chosen, and keep those that are given."""
        if not isinstance(values, Mapping):
            return handler(values)
        section = handler({key: value for key, value in values.items() if key in cls.model_fields})
        rest = {key: value for key, value in values.items() if key not in cls.model_fields}
        kinds = [cls.parameters_class(chooser, getattr(section, chooser)) for chooser in cls.choosers]
        own = {key for kind in kinds for key in kind.model_fields}
        foreign = {key: value for key, value in rest.items() if key not in own}
        if foreign:
            section._refuse(foreign)
        for kind in kinds:
            given = {key: value for key, value in rest.items() if key in kind.model_fields and value is not None}
            parameters = kind(**given)
            section.__pydantic_extra__ |= {key: getattr(parameters, key) for key in parameters.model_fields_set}
        return section

    def _refuse(self, rest: Mapping[str, Any]) -> None:
        """Raise an error for keys that belong to nothing that is chosen; null stands for a key that is not given."""
        owners = {chooser: self.all_parameters(chooser) for chooser in self.choosers}
        known = [*type(self).model_fields, *(name for each in owners.values() for name in each)]
        for key, value in rest.items():
            if key not in known:
                valid = [f"{self.section}.{name}" for name in [*type(self).model_fields, *self._own_parameters()]]
                full = f"{self.section}.{key}"
                everything = [f"{self.section}.{name}" for name in known]
                raise ValueError(f"unknown key {full!r}: {nearest(full, everything)}valid: {', '.join(valid)}")
            if value is None:
                continue
            chooser = next(chooser for chooser in self.choosers if key in owners[chooser])
            choice = getattr(self, chooser)
            if len(self.choosers) > 1:
                raise ValueError(
                    f"{self.section}.{key} belongs to {self.section}.{chooser} {' or '.join(owners[chooser][key])}, "
                    f"but that is {choice!r}: leave {self.section}.{key} out, or set it to null"
                )
            takes = ", ".join(f"{self.section}.{name}" for name in self._own_parameters()) or "no parameters"
            raise ValueError(
                f"{self.section} {choice!r} has no parameter {key!r}; it takes {takes}: leave {self.section}.{key} out"
            )

    def _own_parameters(self) -> list[str]:
        """Return the parameters of everything that is chosen."""
        return [name for chooser in self.choosers for name in self.defaults(chooser)]

    def _class(self, chooser: str | None) -> type[Settings]:
        chooser = chooser or next(iter(self.choosers))
        return self.parameters_class(chooser, getattr(self, chooser))

    def chosen(self, chooser: str | None = None) -> Settings:
        """Return all parameters of a choice (the first one if none is named), typed, defaults filled in."""
        return self._class(chooser)(**self.given(chooser))

    def defaults(self, chooser: str | None = None) -> dict[str, Any]:
        """Return the parameters of a choice with their defaults."""
        return {name: field.get_default(call_default_factory=True)
                for name, field in self._class(chooser).model_fields.items()}  # fmt: skip

    def given(self, chooser: str | None = None) -> dict[str, Any]:
        """Return the parameters of a choice that were given."""
        names = self._class(chooser).model_fields
        return {key: value for key, value in (self.__pydantic_extra__ or {}).items() if key in names}

    def parameters(self, chooser: str | None = None) -> dict[str, Any]:
        """Return all parameters of a choice, defaults filled in."""
        return {**self.defaults(chooser), **self.given(chooser)}


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
