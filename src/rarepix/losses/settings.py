"""The section ``loss`` of the configuration."""

from collections.abc import Mapping
from copy import copy
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from rarepix.losses.libraries import check_arguments, is_library
from rarepix.losses.names import COMPOUND_PARAMETERS, KNOWN, canonical, disputed, parameters_of
from rarepix.settings import OneOf, Settings

ARGUMENT = "arguments."
"""Beginning of the dotted key of an argument of a library's loss."""

Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Kind = Literal["constant", "step", "linear", "cosine"]

STEPS, RAMPS = ("step",), ("linear", "cosine")
OF_A_SCHEDULE = {"every": STEPS, "factor": STEPS, "limit": STEPS, "start": RAMPS, "over": RAMPS}
"""Parameter → the schedules that have it."""


class AllParameters(Settings):
    """The parameters of all terms."""

    alpha: Weight | tuple[Weight, ...] | None = None
    """sums: weight of the further terms, one number or one for each (default 1; the published default is 0.1)."""
    schedule: Kind | tuple[Kind, ...] | None = None
    """sums: how alpha goes over the epochs, one for all further terms or one for each (default constant)."""
    every: int | None = Field(None, ge=1)
    """schedule step: epochs after which alpha is multiplied by factor (default 1)."""
    factor: float | None = Field(None, gt=0)
    """schedule step: what alpha is multiplied by (default 5)."""
    limit: float | None = Field(None, gt=0)
    """schedule step: alpha grows no further (default 100)."""
    start: float | None = Field(None, ge=0)
    """schedules linear, cosine: share of alpha in the first epoch (default 0)."""
    over: int | None = Field(None, ge=1)
    """schedules linear, cosine: epochs until alpha is reached (default 10)."""
    temperature: float | None = Field(None, gt=0, le=1000)
    """l1, kl, db: multiplies the logits there and nowhere else; 10 is nearly the share of the argmax (default 1)."""
    marginal: Literal["image", "batch"] | None = None
    """l1, kl, db: whether class shares are of an image or of the whole batch (default image)."""
    foreground_only: bool | None = None
    """multiclass: leaves the background out of the mean over classes (default false)."""
    label_smoothing: float | None = Field(None, ge=0, lt=1)
    """ce: share of the target that is spread over all classes (default 0)."""
    class_weights: tuple[Weight, ...] | None = None
    """A weight for each class (binary: background, class; multilabel: a weight for each channel)."""
    gamma: float | None = Field(None, ge=0, le=100)
    """Focal exponent: the larger, the less easy pixels or classes count (defaults: focal and softmax_focal 2,
    focal_tversky 0.75, unified_focal 0.5)."""
    balance: float | None = Field(None, ge=0, le=1)
    """focal: weight of positives; negatives have 1 - balance (by default neither is weighted)."""
    smooth: float | None = Field(None, ge=0)
    """Dice and Tversky families: added to the overlap and to what it is divided by (default 0, dice_plus 1)."""
    fp_weight: float | None = Field(None, ge=0)
    """tversky, focal_tversky: weight of false positives (default 0.3)."""
    fn_weight: float | None = Field(None, ge=0)
    """tversky, focal_tversky: weight of false negatives (default 0.7; larger favours recall)."""
    power: float | None = Field(None, ge=0, le=10)
    """inverse_frequency_ce: a class weighs (1 / its share of pixels) ** power (default 1)."""
    tau: float | None = Field(None, ge=0, le=10)
    """logit_adjustment: multiplies the log of the class shares (default 1)."""
    epsilon: float | None = Field(None, ge=-1)
    """poly1: weight of the term 1 - p beside the cross-entropy (default 1)."""
    threshold: float | None = Field(None, gt=0, lt=1)
    """ohem: pixels count whose true class has at most this probability (default 0.7)."""
    min_kept: Share | None = None
    """ohem: share of the pixels that counts at least (default 0.0625)."""
    share: Share | None = None
    """topk: share of the pixels that counts, those that cost most (default 0.1)."""
    background_weight: float | None = Field(None, ge=0)
    """background_weighted_bce: weight of pixels without the class (default 0.1)."""
    object_weight: float | None = Field(None, ge=0)
    """background_weighted_bce: weight of pixels of the class (default 1)."""
    edge_weight: float | None = Field(None, ge=0)
    """box_aware_bce: weight of pixels at the edge of a region (default 0.1)."""
    edge_kernel: int | None = Field(None, ge=3)
    """box_aware_bce: side of the square in which both sides of the edge must lie, odd (default 5)."""
    delta: float | None = Field(None, ge=0, le=1)
    """unified_focal: weight of foreground pixels and of false negatives; the others have 1 - delta (default 0.6)."""
    region_weight: float | None = Field(None, ge=0, le=1)
    """unified_focal: weight of the region part; the pixel part has 1 - region_weight (default 0.5)."""
    published: bool | None = None
    """Names of the published registry: its reductions and epsilons exactly, not the safer ones (default false)."""

    arguments: dict[str, Any] | None = None
    """Losses of libraries: arguments of their constructor, such as {alpha: 0.3, beta: 0.7} (default {})."""


@cache
def parameters_class(name: str) -> type[Settings]:
    """Return the class of the parameters of a loss.

    Raises:
        ValueError: there is no such loss.
    """
    defaults = parameters_of(name, "loss.name")
    fields = {key: value for key, value in defaults.items() if "." not in key}
    own = {key: AllParameters.model_fields[key] for key in fields}
    given = {key: (field.annotation, merged(field, fields[key])) for key, field in own.items()}
    validators = {"kernel": field_validator("edge_kernel")(_odd)} if "edge_kernel" in fields else {}
    return create_model("LossParameters", __base__=Settings, __validators__=validators, **given)


def merged(field: FieldInfo, default: Any) -> FieldInfo:
    """Return *field* with another default."""
    changed = copy(field)
    changed.default = default
    return changed


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError("must be odd")
    return kernel


class LossConfig(OneOf):
    """The loss and its parameters; only those of the named loss may be given."""

    section: ClassVar = "loss"
    choosers: ClassVar = {"name": KNOWN}

    name: str = "ce"
    """A term (ce, focal, dice, …) or a sum of terms: the first counts as it is, each further one times alpha. Or a loss
    of a library: smp/TverskyLoss, toolbelt/BinaryFocalLoss, …"""

    @model_validator(mode="wrap")
    @classmethod
    def _collect_arguments(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Take ``arguments.alpha``, as a nested choice of a search space gives it, for ``alpha`` in ``arguments``.

        None stands for an argument that is not given, as it does for every parameter.
        """
        if not isinstance(given, Mapping):
            return handler(given)
        dotted = {key.removeprefix(ARGUMENT): value for key, value in given.items() if str(key).startswith(ARGUMENT)}
        tree = {key: value for key, value in given.items() if not str(key).startswith(ARGUMENT)}
        arguments = tree.get("arguments") or {}
        if (dotted or is_library(str(tree.get("name")))) and isinstance(arguments, Mapping):
            tree["arguments"] = {key: value for key, value in (arguments | dotted).items() if value is not None}
            if not tree["arguments"]:
                del tree["arguments"]
        return handler(tree)

    @field_validator("name")
    @classmethod
    def _one_spelling(cls, name: str) -> str:
        return cls.spelled(name)

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        given = self.given()
        if is_library(self.name):
            check_arguments(self.name, given.get("arguments", {}))
        for key, defaults in disputed(self.name).items():
            if key not in given:
                each = ", ".join(f"{value} for {term}" for term, value in defaults.items())
                raise ValueError(f"loss.{key} must be given with loss {self.name!r}, since its default is {each}")
        if "unified_focal" in self.name.split("+") and given.get("gamma", 0) > 1:
            raise ValueError(f"loss.gamma must be at most 1 for unified_focal, but got {given['gamma']}")
        further = self.name.count("+")
        for key in ("alpha", "schedule"):
            value = given.get(key)
            if isinstance(value, tuple) and len(value) != further:
                raise ValueError(
                    f"loss.{key} must be one value or one for each of the {further} further terms of "
                    f"{self.name!r}, but got {list(value)}"
                )
        for key in sorted(given.keys() & self._idle()):
            schedules = " or ".join(OF_A_SCHEDULE[key])
            raise ValueError(
                f"loss.{key} belongs to loss.schedule={schedules}, but that is {given.get('schedule', 'constant')}"
            )
        return self

    def _idle(self) -> set[str]:
        """Return the parameters of schedules that no term has."""
        kinds = self.given().get("schedule", COMPOUND_PARAMETERS["schedule"])
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        return {key for key, schedules in OF_A_SCHEDULE.items() if not kinds & set(schedules)}

    @classmethod
    def spelled(cls, choice: str) -> str:
        """Return the one spelling of the name of a loss."""
        return canonical(choice)

    @classmethod
    def parameters_class(cls, chooser: str, choice: str) -> type[Settings]:
        """Return the class of the parameters of a loss."""
        return parameters_class(choice)

    def parameters(self, chooser: str | None = None) -> dict[str, Any]:
        """Return all parameters, defaults filled in: of a sum without those of schedules that it does not use, of a
        library's loss by dotted keys (``arguments.alpha``).
        """
        if is_library(self.name):
            arguments = self.given().get("arguments", {})
            given = {f"{ARGUMENT}{key}": value for key, value in arguments.items()}
            return {key: value for key, value in self.defaults().items() if key != "arguments"} | given
        return {key: value for key, value in super().parameters().items() if key not in self._idle()}

    def defaults(self, chooser: str | None = None) -> dict[str, Any]:
        """Return the parameters of the named loss with their defaults.

        Raises:
            ValueError: there is no such loss.
        """
        return parameters_of(self.name, "loss.name")
