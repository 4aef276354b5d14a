"""The configuration file of a study: NNI's own format, checked for what rarepix needs."""

from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt, ValidationError, model_validator

from rarepix.config.yaml import read_mapping
from rarepix.search.optimizer.settings import Duration
from rarepix.settings import ConfigError, Settings, explain


class Algorithm(Settings):
    """A tuner or assessor: one of NNI's by ``name``, or your own by ``className``."""

    name: str | None = None
    className: str | None = None
    codeDirectory: str | None = None
    classArgs: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _name_or_class(self) -> "Algorithm":
        if (self.name is None) == (self.className is None):
            raise ValueError(
                f"a tuner or assessor must have either name (one of NNI's) or className with codeDirectory (your own), "
                f"but got name={self.name!r}, className={self.className!r}"
            )
        if self.className is not None and self.codeDirectory is None:
            raise ValueError(
                f"className={self.className!r} needs codeDirectory, a folder (any, if the class is installed): "
                "write codeDirectory: ."
            )
        return self


class TrainingService(Settings, extra="allow"):
    """Where trials run; NNI's other services are not supported."""

    platform: Literal["local", "remote"]
    trialGpuNumber: NonNegativeInt | None = None
    maxTrialNumberPerGpu: PositiveInt | None = None
    reuseMode: Literal[False] = False
    """True uses a part of nni 3.0 that does not work."""


class StudyFile(Settings):
    """NNI's keys of an experiment, spelled as NNI's documentation spells them."""

    experimentName: str | None = None
    experimentType: Literal["hpo"] = "hpo"
    searchSpaceFile: str | None = None
    searchSpace: dict[str, Any] | None = None
    trialCommand: str
    trialCodeDirectory: str = "."
    trialConcurrency: PositiveInt
    trialGpuNumber: NonNegativeInt | None = None
    maxTrialNumber: PositiveInt
    """Required: without it a study never ends."""
    maxTrialDuration: Duration
    """Required: without it a hanging trial is never stopped."""
    maxExperimentDuration: Duration | None = None
    nniManagerIp: str | None = None
    debug: bool = False
    logLevel: Literal["fatal", "error", "warning", "info", "debug", "trace"] | None = None
    experimentWorkingDirectory: str | None = None
    tunerGpuIndices: list[int] | int | str | None = None
    tuner: Algorithm
    assessor: Algorithm | None = None
    trainingService: TrainingService

    @model_validator(mode="after")
    def _one_search_space(self) -> "StudyFile":
        if (self.searchSpaceFile is None) == (self.searchSpace is None):
            raise ValueError("a study must have either searchSpaceFile or searchSpace")
        return self

    @property
    def gpus(self) -> int:
        """GPUs reserved for each trial; 0: NNI reserves none."""
        return self.trialGpuNumber or self.trainingService.trialGpuNumber or 0


def read_study(file: Path) -> StudyFile:
    """Return the study in *file*.

    Raises ``ConfigError`` for a file that is not readable, an unknown key, or a value that NNI or rarepix cannot take.
    """
    tree = read_mapping(file, "the study")
    try:
        return StudyFile(**tree)
    except ValidationError as error:
        lines = explain(error, StudyFile).splitlines()
        raise ConfigError("\n".join(f"{file.name}: {line}" for line in lines)) from None
