"""The sections ``optim`` and ``engine`` of the configuration."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from rarepix.settings import NoParameters, OneOf, Settings


class SGD(Settings):
    """Stochastic gradient descent."""

    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    """Look ahead by the momentum."""

    @model_validator(mode="after")
    def _looks_ahead_by_something(self) -> "SGD":
        if self.nesterov and self.momentum == 0:
            raise ValueError("optim.nesterov looks ahead by optim.momentum, which must be above 0, but got 0")
        return self


class Warmup(Settings):
    """Of the schedules that are functions of the step."""

    warmup: NonNegativeInt = 0
    """Epochs in which the rate rises from ``min_lr`` or 0, until it meets the schedule."""


class Poly(Warmup):
    """(1 − share of the training that is done) to the power of ``power``."""

    power: PositiveFloat = 0.9
    min_lr: float = Field(0.0, ge=0)
    """The rate at the end. The encoder's is its share of it."""


class Cosine(Warmup):
    """Half a period of a cosine."""

    min_lr: float = Field(0.0, ge=0)
    """The rate at the end. The encoder's is its share of it."""


class Step(Warmup):
    """Falls in steps."""

    every: PositiveInt = 10
    """Epochs after which the rate is multiplied by ``factor``, again and again."""
    factor: float = Field(0.1, gt=0, lt=1)


class Plateau(Settings):
    """Falls when the objective on the validation part no longer rises."""

    factor: float = Field(0.5, gt=0, lt=1)
    """What the rate is multiplied by."""
    patience: NonNegativeInt = 3
    """Validations without a rise that are waited for; the rate falls with the next one."""
    min_lr: float = Field(0.0, ge=0)
    """The lowest rate. The encoder's is its share of it."""


OPTIMISERS: dict[str, type[Settings]] = {
    "adamw": NoParameters,
    "adam": NoParameters,
    "radam": NoParameters,
    "sgd": SGD,
}
"""Optimiser → its parameters."""

SCHEDULES: dict[str, type[Settings]] = {
    "constant": Warmup,
    "poly": Poly,
    "cosine": Cosine,
    "step": Step,
    "plateau": Plateau,
}
"""Schedule of the learning rate → its parameters."""


class OptimConfig(OneOf):
    """Optimiser and learning-rate schedule, each with its own parameters."""

    section: ClassVar = "optim"
    choosers: ClassVar = {"name": OPTIMISERS, "schedule": SCHEDULES}
    restating_resets: ClassVar = False

    name: str = "adamw"
    """adamw: Adam with weight decay apart from the gradient; adam: with weight decay in the gradient (L2); radam:
    rectified Adam (Liu et al. 2020), which warms up by itself, with weight decay as adamw; sgd."""
    lr: PositiveFloat = 1e-3
    """Learning rate of decoder and head at the start."""
    encoder_ratio: float = Field(1.0, ge=0)
    """The encoder's learning rate as a share of ``lr``."""
    weight_decay: float = Field(1e-4, ge=0)
    """Not applied to biases and normalisation."""
    schedule: str = "poly"
    """constant · poly · cosine · step · plateau (lower the rate when the objective on the validation part no longer
    rises). All but plateau are functions of the step, and do not look at it."""

    @model_validator(mode="after")
    def _the_lowest_rate_is_no_higher_than_the_first(self) -> "OptimConfig":
        lowest = self.given("schedule").get("min_lr", 0.0)
        if lowest > self.lr:
            raise ValueError(f"optim.min_lr must be at most optim.lr = {self.lr}, but got {lowest}")
        return self


class EngineConfig(Settings):
    """How long and on what a trial trains."""

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 8
    """Images of one step, of all devices together."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: a GPU if there is one; gpu: an error if there is none."""
    devices: PositiveInt = 1
    """GPUs of one trial, one process each (without a GPU: processes on CPU cores), which share each batch equally: the
    same images in the same order with the same augmentation as on one device. Each device computes the loss of its own
    share, and the gradient is the mean over the devices (DistributedDataParallel): a loss that is a ratio over the
    batch, such as Dice, or one that averages over pixels that are not ignored, differs from that of the whole batch.
    Batch normalisation uses the statistics of the whole batch on GPUs, and of each process's share on CPUs. Validation
    and test count every image exactly once."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast where the hardware has it."""
    channels_last: bool = True
    threads: NonNegativeInt = 0
    """CPU threads of one trial; 0: all cores. Set it where several trials share one CPU."""
    validate_every: PositiveInt = 1
    """Epochs between validations."""
    patience: NonNegativeInt = 0
    """Validations without a gain of ``min_delta`` after which training ends; 0: never."""
    min_delta: float = Field(0.0, ge=0)
    tensorboard: bool = True
    progress: Literal["auto", "on", "off"] = "auto"
    """Progress bar; auto: if the output is a terminal."""

    @field_validator("progress", mode="before")
    @classmethod
    def _accept_booleans_that_yaml_makes_of_on_and_off(cls, progress: object) -> object:
        return {True: "on", False: "off"}[progress] if isinstance(progress, bool) else progress

    @model_validator(mode="after")
    def _devices_share_a_batch(self) -> "EngineConfig":
        if self.batch_size % self.devices:
            raise ValueError(
                f"engine.batch_size must be a multiple of engine.devices = {self.devices}, but got {self.batch_size}: "
                f"devices share a batch equally; use {-(-self.batch_size // self.devices) * self.devices}, or others"
            )
        return self
