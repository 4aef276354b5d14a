"""The stages of a trial that runs: where each lies, what came before it, which an earlier attempt has finished."""

import gc
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rarepix import layout
from rarepix.config import TrialConfig
from rarepix.files import replacing
from rarepix.layout import BEST, CHECKPOINTS, LAST, stage_folder
from rarepix.records import Dataset, Stage, Status, TrialRecord
from rarepix.trial.lifecycle import RunContext, finish_attempt, update_record
from rarepix.trial.stage import train
from rarepix.trial.stage_context import StageContext, StartupTimer
from rarepix.trial.stage_result import StageResult, read_finished, write_finished
from rarepix.trial.taken import find_training, read_taken, take

TABLES = {
    "images": layout.IMAGES,
    "examples": layout.EXAMPLES,
    "weights": layout.WEIGHTS,
    "split": layout.SPLIT,
    "donors": layout.DONORS,
    "clusters": layout.CLUSTERS,
}
"""Tables and pictures of a training, by what a record calls them."""


class TrialStages:
    """Trains the stages of a trial, in every process of it; the main process writes the files (see ``plan.Stages``).

    A trial whose only stage has the trial's own configuration lies in the trial's folder itself. Otherwise each stage
    has a folder of its own, with a file that is written when it has finished.
    """

    def __init__(
        self, configs: Mapping[str, TrialConfig], context: RunContext, record: TrialRecord, startup: StartupTimer
    ) -> None:
        """Take stage → configuration, in their order, and the record of this attempt."""
        self.configs, self.context, self.record, self.startup = configs, context, record, startup
        self.config, self.folder = context.config, context.folder
        self.results: dict[str, StageResult] = {}
        self._taken: dict[str, str] = {}  # stage → folder of the finished trial that it is taken from
        self._own_folders = [*configs.values()] != [context.config]
        self._has_begun = False  # whether this attempt has begun to train

    def train(self, name: str, *, initial_weights: Path | None = None) -> StageResult:
        """Train the next stage and return its result; one that an earlier attempt has finished is not trained again.

        Raises:
            ValueError: it is another stage's turn.
            AttemptError: its files belong to another stage.
        """
        turn = [stage for stage in self.configs if stage not in self.results][:1]
        if turn != [name]:
            raise ValueError(
                f"a plan must train its stages in their order, {[*self.configs]}, but after "
                f"{[*self.results]} it asks for {name!r}"
            )
        config, folder = self.configs[name], self._folder_of(name)
        result = read_finished(name, config, folder) if self._own_folders else None
        if result is None:
            result = train(config, folder, self.context.report, self._stage_context(name, initial_weights))
            if self._own_folders:
                if _is_main_process():
                    write_finished(result, config, folder)
                gc.collect()  # trainer and module refer to each other, and hold loader processes and device memory
        self._add(name, result)
        return result

    def take(self, name: str, trial: Path) -> StageResult:
        """Take stage *name*, which is not among the configurations, from a finished trial, and return its result.

        Raises:
            ConfigError: *trial* is not the folder of a finished trial or stage.
        """
        from rarepix.engine import distributed
        from rarepix.engine.hardware import choose_hardware

        folder = self._folder_of(name)
        with distributed.main_process_first():  # which copies
            result = read_taken(folder)
            if result is None:
                training, device = find_training(trial, f"{name}.trial"), choose_hardware(self.config.engine).name
                result = take(name, training, folder, device=device, tables=TABLES.values())
        self._taken[name] = str(trial)
        self._add(name, result)
        return result

    def _add(self, name: str, result: StageResult) -> None:
        self.results[name] = result
        if self._own_folders:
            self._update(stages=[self._described(stage) for stage in self.results.values()])

    def finish(self, result: StageResult) -> TrialRecord:
        """Complete the record of the trial, which *result* judges; in the main process only."""
        if not self._has_begun and self.configs:
            self._update(resumed_from_epoch=self._epochs_before(None))
        folder = self._folder_of(result.name)
        if self._own_folders:
            for file in TABLES.values():
                if (folder / file).is_file():
                    with replacing(self.folder / file) as temporary:
                        shutil.copyfile(folder / file, temporary)
        epoch = self._epochs_before(result.name) + result.objective.epoch
        return finish_attempt(
            self.record,
            self.context,
            Status.COMPLETE,
            dataset=result.dataset,
            device=result.device,
            objective=result.objective.model_copy(update={"epoch": epoch}),
            counts=result.counts,
            sums=result.sums,
            gate=result.gate,
            gated=result.gated,
            curves=result.curves,
            pasting=_added([stage.pasting for stage in self.results.values()]),
            timings=self.startup.seconds | _timings([stage.timings for stage in self.results.values()]),
            files=self._files(folder),
        )

    def _folder_of(self, name: str) -> Path:
        return stage_folder(self.folder, name) if self._own_folders else self.folder

    def _epochs_before(self, name: str | None) -> int:
        """Return the planned epochs of the trainings before *name* (None: of all), so that stages of trials compare.

        A stage that is taken from a finished trial keeps the epochs of that trial: there are none before it.
        """
        names = [*self.configs]
        before = names if name is None else names[: names.index(name)] if name in names else []
        return sum(self.configs[stage].engine.epochs for stage in before)

    @property
    def _has_trained(self) -> bool:
        """Whether a stage has been trained, and not only taken."""
        return any(name in self.configs for name in self.results)

    def _stage_context(self, name: str, initial_weights: Path | None) -> StageContext:
        before = self._epochs_before(name)

        def began(dataset: Dataset, device: str, resumed: int | None, first_weights: str) -> None:
            changes = {"dataset": dataset, "device": device}
            if not self._has_trained:
                changes["first_weights"] = first_weights
                if first_weights and resumed is None and _is_main_process():
                    print(first_weights, flush=True)
            if not self._has_begun and (self._has_trained or resumed is not None):
                changes["resumed_from_epoch"] = before + (resumed or 0)
            self._has_begun = True
            self._update(**changes)

        context = StageContext(
            name=name,
            attempt=self.record.attempt,
            initial_weights=initial_weights,
            startup=self.startup,
            began=began,
        )
        if not self._own_folders:
            return context
        return replace(
            context,
            own_folder=True,
            epochs_before=before,
            steps_before=sum(result.steps for result in self.results.values()),
            history=self.folder / layout.HISTORY,
            logs=self.folder / layout.TENSORBOARD / name,
        )

    def _described(self, result: StageResult) -> Stage:
        checkpoint = str(result.checkpoint.relative_to(self.folder))
        return Stage(
            name=result.name,
            epochs=result.epochs,
            objective=result.objective,
            checkpoint=checkpoint,
            trial=self._taken.get(result.name, ""),
        )

    def _update(self, **changes: object) -> None:
        """Put *changes* into the record, which the main process writes."""
        if _is_main_process():
            self.record = update_record(self.record, self.context, **changes)
        else:
            self.record = self.record.model_copy(update=changes)

    def _files(self, folder: Path) -> dict[str, str]:
        """Return name → path, in the trial's folder, of the files that exist; *folder* has the checkpoints."""
        checkpoints = (folder / CHECKPOINTS).relative_to(self.folder)
        names = {"history": layout.HISTORY, **TABLES}
        names |= {"gate": str(checkpoints / layout.GATE)}
        names |= {"best": str(checkpoints / BEST), "last": str(checkpoints / LAST), "tensorboard": layout.TENSORBOARD}
        return {name: path for name, path in names.items() if (self.folder / path).exists()}


def _is_main_process() -> bool:
    from rarepix.engine import distributed

    return distributed.is_main_process()


def _added(mappings: list[dict[str, int]]) -> dict[str, int]:
    """Return the sum of the mappings, key by key."""
    names = dict.fromkeys(name for mapping in mappings for name in mapping)
    return {name: sum(mapping.get(name, 0) for mapping in mappings) for name in names}


def _timings(stages: list[dict[str, float]]) -> dict[str, float]:
    """Return the seconds of all stages together, and the images per second of their training."""
    rate = "images_per_second"
    trained = [(stage["train"], stage[rate]) for stage in stages if rate in stage]
    seconds = {name: round(value, 3) for name, value in _added(stages).items() if name != rate}
    if not trained:
        return seconds
    images = sum(train * per_second for train, per_second in trained)
    return seconds | {rate: round(images / sum(train for train, _ in trained), 2)}
