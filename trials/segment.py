"""Train one segmentation network and leave its record.

    python -m trials.segment --recipe demo
    python -m trials.segment --recipe demo --set optim.lr=0.002 --set loss.name=focal --trial mine
    nnictl create --config nni_config.yml          # the same script; its parameters come from NNI

Started again under the same ``--trial`` it goes on from its last checkpoint.
"""

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from rarepix import layout
from rarepix.config import load_recipe, parse_settings, updated
from rarepix.search.nni import trial_io
from rarepix.trial.exit_codes import exit_code
from rarepix.trial.lifecycle import RunContext, completed_record
from rarepix.trial.run import run


def main(arguments: list[str] | None = None) -> int:
    """Run the trial; return the exit code: 0 only if a complete record was written."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        return _main(given)
    except SystemExit as end:  # Lightning ends with 0 after a signal, but 0 stands for a complete record
        return end.code or 128 + signal.SIGTERM
    except Exception as error:
        if given.traceback:
            raise
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return exit_code(error)


def _main(given: argparse.Namespace) -> int:
    name = given.study or Path(given.recipe).stem
    settings = parse_settings(given.set)
    base = updated(load_recipe(given.recipe), settings)
    results = layout.results_root(given.results)
    if trial_io.connected():
        received = trial_io.receive()
        place = RunContext(
            results=results,
            study=trial_io.study_name(name, received.experiment),
            trial=received.trial,
            parameters=received.parameters,
            parameter_id=received.parameter_id,
            settings=settings,
        )

        def report(scores: dict[str, float]) -> None:
            trial_io.show_logs(place.folder / layout.TENSORBOARD)
            trial_io.report_intermediate(scores)

        record = completed_record(place) or run(updated(base, received.parameters), place, report)
        trial_io.report_final(record)
    else:
        trial = given.trial or datetime.now(UTC).strftime("run-%Y%m%d-%H%M%S")
        place = RunContext(results=results, study=name, trial=trial, parameters=settings)
        record = run(base, place, _print_scores)
    kept = record.objective
    print(f"{kept.name} {kept.value:.4f} (validation, epoch {kept.epoch}): {place.record_file}")
    return 0


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _print_scores(scores: dict[str, float]) -> None:
    shown = ("objective", "miou", "rare_iou", "worst_iou", "val_loss")
    print("  ".join(f"{name} {scores[name]:.4f}" for name in shown), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trials.segment", description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", required=True, help="name in trials/recipes, or a YAML file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key of the recipe")
    parser.add_argument("--results", help="folder of all results (default: $RAREPIX_RESULTS or results)")
    parser.add_argument("--study", help="name of the study (default: the recipe's)")
    parser.add_argument("--trial", help="name of the trial; an unfinished one of that name is gone on with")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
