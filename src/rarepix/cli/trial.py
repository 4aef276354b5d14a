"""The command of a trial: ``trials/<plan>.py`` calls it, by hand or under NNI, which then gives the parameters."""

import argparse
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rarepix import layout
from rarepix.choices import ChoiceError
from rarepix.cli.tune import describe
from rarepix.config import load_recipe, parse_settings, updated
from rarepix.records import TrialRecord
from rarepix.scores import SUMMARY
from rarepix.search.nni import trial_io
from rarepix.trial.lifecycle import OTHER, RunContext, completed_record, exit_code
from rarepix.trial.plans import find_plan
from rarepix.trial.run import run


def main(plan: str, arguments: list[str] | None = None) -> int:
    """Run a trial of *plan*; return the exit code: 0 only if a complete record was written."""
    try:
        options = trial_parser(plan).parse_args(arguments)
    except ChoiceError as error:
        print(f"ChoiceError: {error}", file=sys.stderr)
        return OTHER
    signal.signal(signal.SIGTERM, _exit)
    try:
        context = _context(plan, options)
        record = _run_under_nni(context) if trial_io.connected() else run(context)
    except SystemExit as end:  # Lightning exits with 0 after a signal, but 0 stands for a complete record
        return end.code or 128 + signal.SIGTERM
    except Exception as error:
        if options.traceback:
            raise
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return exit_code(error)
    objective = record.objective
    if record.gate is not None:
        for line in describe(record.gate):
            print(line)
    gated = ", with the gate" if objective.gated else ""
    print(f"{objective.name} {objective.value:.4f} (validation, epoch {objective.epoch}{gated}): {context.record_file}")
    return 0


def trial_parser(plan: str) -> argparse.ArgumentParser:
    """Return the parser of the command line of *plan*'s script.

    Raises:
        ChoiceError: there is no such plan.
    """
    parser = argparse.ArgumentParser(prog=f"python -m trials.{plan}", description=find_plan(plan).description)
    parser.add_argument("--recipe", required=True, help="name in trials/recipes, or a YAML file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key of the recipe")
    parser.add_argument("--results", help="folder of all results (default: $RAREPIX_RESULTS or results)")
    parser.add_argument("--study", help="name of the study (default: the recipe's)")
    parser.add_argument("--trial", help="name of the trial; an unfinished trial of that name is resumed")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    return parser


def _context(plan: str, options: argparse.Namespace) -> RunContext:
    """Return the trial that NNI asks for, or without NNI the one that the command line describes."""
    settings = parse_settings(options.set)
    config = updated(load_recipe(options.recipe, find_plan(plan).config), settings)
    results = layout.results_root(options.results)
    study = options.study or Path(options.recipe).stem
    if not trial_io.connected():
        trial = options.trial or datetime.now(UTC).strftime("run-%Y%m%d-%H%M%S")
        return RunContext(
            config=config,
            results=results,
            study=study,
            trial=trial,
            parameters=settings,
            report=_print_scores,
            plan=plan,
        )
    received = trial_io.receive()
    return RunContext(
        config=updated(config, received.parameters),
        results=results,
        study=trial_io.study_name(study, received.experiment),
        trial=received.trial,
        parameters=received.parameters,
        parameter_id=received.parameter_id,
        settings=settings,
        plan=plan,
    )


def _run_under_nni(context: RunContext) -> TrialRecord:
    """Run the trial, unless it is complete already, and report to NNI."""

    def report(scores: dict[str, float]) -> None:
        trial_io.show_logs(context.folder / layout.TENSORBOARD)
        trial_io.report_intermediate(scores)

    record = completed_record(context) or run(replace(context, report=report))
    trial_io.report_final(record)
    return record


def _exit(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _print_scores(scores: dict[str, float]) -> None:
    shown = ("objective", *(name for names in SUMMARY.values() for name in names), "val_loss")
    print("  ".join(f"{name} {scores[name]:.4f}" for name in shown if name in scores), flush=True)
