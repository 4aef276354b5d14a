"""The parameters of a named loss as a class: those of its terms, of a sum also the weights of the terms.

Light: a configuration is checked with this, without importing torch.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, create_model, model_validator
from pydantic.fields import FieldInfo

from rarepix.losses.libraries import check_arguments, is_library, own_arguments
from rarepix.losses.names import canonical, terms_of
from rarepix.losses.proposed import OF_FOCAL
from rarepix.losses.registry import TERMS
from rarepix.losses.term import Weight
from rarepix.settings import Settings

Schedule = Literal["constant", "step", "linear", "cosine"]

STEPS, RAMPS = ("step",), ("linear", "cosine")
OF_A_SCHEDULE = {"every": STEPS, "factor": STEPS, "limit": STEPS, "start": RAMPS, "over": RAMPS}
"""Parameter → the schedules that have it."""


class SumParameters(Settings):
    """Parameters of every sum of two terms or more; a class for each sum adds those of its terms."""

    loss: ClassVar[str]
    """The name of the sum."""
    disputed: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Parameter → term → default, where the defaults of two terms differ: it has none and must be given."""

    alpha: Weight | tuple[Weight, ...] = 1.0
    """Weight of the further terms, one number or one for each (the published default is 0.1)."""
    schedule: Schedule | tuple[Schedule, ...] = "constant"
    """How alpha goes over the epochs, one for all further terms or one for each."""
    every: int = Field(1, ge=1)
    """Schedule step: epochs after which alpha is multiplied by factor."""
    factor: float = Field(5.0, gt=0)
    """Schedule step: what alpha is multiplied by."""
    limit: float = Field(100.0, gt=0)
    """Schedule step: alpha grows no further."""
    start: float = Field(0.0, ge=0)
    """Schedules linear, cosine: share of alpha in the first epoch."""
    over: int = Field(10, ge=1)
    """Schedules linear, cosine: epochs until alpha is reached."""

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        given = self.model_fields_set
        for key, defaults in self.disputed.items():
            if key not in given:
                each = ", ".join(f"{value} for {term}" for term, value in defaults.items())
                raise ValueError(f"loss.{key} must be given with loss {self.loss!r}, since its default is {each}")
        further = self.loss.count("+")
        for key in ("alpha", "schedule"):
            value = getattr(self, key)
            if isinstance(value, tuple) and len(value) != further:
                raise ValueError(
                    f"loss.{key} must be one value or one for each of the {further} further terms of "
                    f"{self.loss!r}, but got {list(value)}"
                )
        for key in sorted(given & self.idle(self.schedule)):
            schedules = " or ".join(OF_A_SCHEDULE[key])
            raise ValueError(f"loss.{key} belongs to loss.schedule={schedules}, but that is {self.schedule}")
        return self

    @staticmethod
    def idle(schedule: str | tuple[str, ...]) -> set[str]:
        """Return the parameters of schedules that no term has."""
        kinds = {schedule} if isinstance(schedule, str) else set(schedule)
        return {key for key, schedules in OF_A_SCHEDULE.items() if not kinds & set(schedules)}


class LibraryParameters(Settings):
    """The parameter of a library's loss; a class for each loss knows the arguments."""

    loss: ClassVar[str]
    """The name of the loss."""

    arguments: dict[str, Any] = {}  # noqa: RUF012 pydantic copies it
    """Arguments of the constructor, such as {alpha: 0.3, beta: 0.7}."""

    @model_validator(mode="after")
    def _in_the_signature(self) -> Self:
        check_arguments(self.loss, self.arguments)
        return self


def parameters_class(name: str, what: str = "loss") -> type[Settings]:
    """Return the class of the parameters of a loss.

    Raises:
        ValueError: as ``names.terms_of``.
    """
    terms_of(name, what)
    return _class_of(canonical(name))


@cache
def _class_of(name: str) -> type[Settings]:
    terms = terms_of(name)
    if is_library(name):
        return type("LibraryParameters", (LibraryParameters,), {"loss": name, "__module__": __name__})
    published = {"published": (bool, False)} if all(TERMS[term].published for term in terms) else {}
    if len(terms) == 1:
        own = TERMS[name].parameters
        return create_model(own.__name__, __base__=own, **published) if published else own

    class OfThisSum(SumParameters):
        loss: ClassVar = name
        disputed: ClassVar = _disputed(terms)

    fields = {key: _merged([*each.values()]) for key, each in _by_parameter(terms).items()}
    return create_model("SumParameters", __base__=OfThisSum, **fields, **published)


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters of a loss with their defaults.

    Where the defaults of two terms differ there is none, and it is None. A library's loss has the mapping
    ``arguments`` and each of its arguments by its dotted key.

    Raises:
        ValueError: as ``names.terms_of``.
    """
    fields = parameters_class(name).model_fields
    arguments = own_arguments(canonical(name)) if is_library(name) else {}
    return {key: field.get_default() for key, field in fields.items()} | {
        f"arguments.{key}": default for key, default in arguments.items()
    }


def idle(name: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return which of all *parameters* of the project's own loss have no effect: those of a schedule or of a focal loss
    that it does not use.
    """
    unused = SumParameters.idle(parameters["schedule"]) if "schedule" in parameters else set()
    if parameters.get("pixel") != "ce":
        return unused
    others = {key for term in terms_of(name) for key in TERMS[term].parameters.model_fields if not TERMS[term].presence}
    return unused | (set(OF_FOCAL) & set(parameters)) - others


def _by_parameter(terms: tuple[str, ...]) -> dict[str, dict[str, FieldInfo]]:
    """Return parameter → term → the field of the term's class."""
    fields: dict[str, dict[str, FieldInfo]] = {}
    for term in terms:
        for key, field in TERMS[term].parameters.model_fields.items():
            fields.setdefault(key, {})[term] = field
    return fields


def _disputed(terms: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    defaults = {
        key: {term: field.default for term, field in each.items()} for key, each in _by_parameter(terms).items()
    }
    return {key: each for key, each in defaults.items() if len(set(each.values())) > 1}


def _merged(fields: list[FieldInfo]) -> tuple[Any, Any]:
    """Return type and default of a parameter of several terms: within the bounds of all, None if defaults differ."""
    bounds = [bound for field in fields for bound in field.metadata]
    defaults = {field.default for field in fields}
    kind = Annotated[(fields[0].annotation, *bounds)] if bounds else fields[0].annotation
    return kind, defaults.pop() if len(defaults) == 1 else None
