"""``rarepix study``: start, follow, resume, stop, extend and confirm studies."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarepix import layout

if TYPE_CHECKING:
    from rarepix.search.studies.study import Study
    from rarepix.search.studies.watch import Outcome

app = typer.Typer(no_args_is_help=True, help="Start and follow studies (NNI experiments).")

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The study's file, for instance nni_config.yml.")]
Running = Annotated[
    str | None, typer.Argument(metavar="[STUDY]", help="Experiment id or results folder; default: the running one.")
]
Name = Annotated[str, typer.Argument(metavar="STUDY", help="Experiment id or results folder.")]
Port = Annotated[int, typer.Option(help="Port of NNI's web UI.")]
Host = Annotated[
    str, typer.Option(help="Address of the web UI: 127.0.0.1 for this machine only, 0.0.0.0 for every network.")
]


@app.command()
def check(config: Config, port: Annotated[int | None, typer.Option(help="Check this port, too.")] = None) -> None:
    """Check a study without starting it."""
    from rarepix.search.checks import preflight

    preflight.check(config, port)
    print(f"{config}: nothing found that would stop it")


@app.command()
def start(config: Config, port: Port = 8080, host: Host = "127.0.0.1") -> None:
    """Check a study and start it; it runs in the background."""
    from rarepix.search.nni import install_patch
    from rarepix.search.studies import study

    warning = install_patch.set_bind_host(host)
    _print_started(study.start(config, port), warning)


@app.command()
def watch(name: Running = None) -> None:
    """Follow a study to its end, or say how it ended. Exit code: 0 all trials complete, 1 some failed, 2 it broke."""
    from rarepix.search.studies import study
    from rarepix.search.studies.watch import read_outcome

    experiment = study.find_experiment(name) if name else None
    if experiment and not experiment.alive:
        raise typer.Exit(_print_outcome(*read_outcome(experiment)))
    raise typer.Exit(_follow(study.find(name)))


@app.command("list")
def list_() -> None:
    """List the studies of this user: state, trials done, best objective, results folder."""
    from rarepix.search.studies import listing

    studies = listing.list_studies()
    if not studies:
        print("NNI knows no study of this user")
        return
    listing.print_studies(studies, sys.stdout)


@app.command()
def resume(name: Name, port: Port = 8080, host: Host = "127.0.0.1") -> None:
    """Resume a study that was stopped or killed: finished trials are kept, others continue from their checkpoints."""
    from rarepix.search.nni import install_patch
    from rarepix.search.studies.resume import resume as resume_study

    warning = install_patch.set_bind_host(host)
    study, ended = resume_study(name, port)
    _print_lines(ended)
    _print_started(study, warning)


@app.command()
def stop(name: Running = None) -> None:
    """Stop a study: its trials and its web UI; if it was killed, its orphaned processes."""
    from rarepix.search.studies import study

    experiment = study.find_experiment(name).id if name else study.find().id
    _print_lines(study.stop(experiment))
    _print_stopped(experiment)


@app.command()
def view(name: Name, port: Port = 8080) -> None:
    """Open the web UI of a study that has ended, read-only."""
    from rarepix.search.studies import study

    print(f"web UI: {study.view(name, port)} (close it with `rarepix study stop {name}`)")


@app.command()
def confirm(
    name: Name,
    top: Annotated[int, typer.Option(min=1, help="Winners to run again, besides the default configuration.")] = 3,
    blocks: Annotated[int, typer.Option(min=2, help="Fresh seeds on which they run.")] = 8,
    again: Annotated[bool, typer.Option("--again", help="Confirm a study a second time.")] = False,
    port: Port = 8080,
) -> None:
    """Run a study's winners and its default configuration again, on fresh seeds, as a new study."""
    from rarepix.search.studies import confirm as confirmation
    from rarepix.search.studies import study

    started = confirmation.confirm(
        name, top=top, blocks=blocks, again=again, start=lambda config: study.start(config, port)
    )
    _print_started(started)


@app.command()
def extend(
    name: Name,
    blocks: Annotated[int | None, typer.Option(min=1, help="Blocks to add, with seeds never used before.")] = None,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Add the blocks of this seed.")] = None,
    fold: Annotated[list[int] | None, typer.Option(min=0, help="Add the blocks of this fold.")] = None,
    configurations: Annotated[Path | None, typer.Option(help="Add the configurations listed in this file.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Extend it although code, recipe or data changed.")] = False,
    port: Port = 8080,
    host: Host = "127.0.0.1",
) -> None:
    """Give further blocks or configurations to a study that has ended; it runs on in the background."""
    from rarepix.search.nni import install_patch
    from rarepix.search.studies import extend as extension

    warning = install_patch.set_bind_host(host)
    wish = extension.Wish(blocks, tuple(seed or ()), tuple(fold or ()), configurations)
    prepared = extension.prepare(name, wish, port, again=again)
    _print_lines(prepared.lines)
    study, ended = extension.start(prepared, port)
    _print_lines(ended)
    _print_started(study, warning)


@app.command()
def fetch(name: Name) -> None:
    """Fetch the trials' folders from other machines. Exit code: 0 all are on this machine, 1 some are not."""
    from rarepix.search.remote.fetch import fetch_results

    fetched = fetch_results(name)
    _print_lines(fetched.lines())
    raise typer.Exit(0 if fetched.complete else 1)


@app.command(hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def gather() -> None:
    """Called ``fetch`` now."""
    from rarepix.settings import ConfigError

    raise ConfigError("unknown command 'gather': it is called 'fetch' now")


@app.command()
def run(
    config: Config,
    port: Port = 8080,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the web UI open when the study is done.")] = False,
) -> None:
    """Start a study, follow it to its end, stop it, and analyse it. Exit code: the same as that of watch."""
    from rarepix.search.studies import study

    started = study.start(config, port)
    _print_started(started)
    code = _follow(started)
    if not keep:
        _print_lines(study.stop(started.id))
    analysed = _analyse(started)
    if keep:
        print(f"web UI: {started.url} (close it with `rarepix study stop {started.id}`)")
    else:
        _print_stopped(started.id)
    raise typer.Exit(code or (0 if analysed else 2))


def _follow(study: "Study") -> int:
    from rarepix.search.studies.display import live_display
    from rarepix.search.studies.watch import watch

    try:
        with live_display(_planned_trials(study), study.concurrency) as show:
            outcome = watch(study, show)
    except KeyboardInterrupt:
        print(
            f"\nthe study still runs: follow it with `rarepix study watch {study.id}`, "
            f"stop it with `rarepix study stop {study.id}`"
        )
        raise typer.Exit(130) from None
    return _print_outcome(study, outcome)


def _planned_trials(study: "Study") -> int | None:
    """Return how many trials a study will have: as many as its search has planned, else its limit (None: no limit)."""
    from rarepix.search.optimizer.journal import read_summary

    summary = read_summary(study.folder)
    return summary.runs if summary and summary.runs else study.trials


def _print_outcome(study: "Study", outcome: "Outcome") -> int:
    for trial, why in outcome.wrong.items():
        print(f"trial {trial}: {why}", file=sys.stderr)
    print(f"study {study.id}: {outcome.summary()}", file=sys.stderr if outcome.exit_code else sys.stdout)
    return outcome.exit_code


def _analyse(study: "Study") -> bool:
    """Run the analysis as a separate process (neither imports the other); return whether it wrote a report."""
    import subprocess

    subprocess.run([sys.executable, "-m", "analysis", str(study.folder)], cwd=study.code, check=False)
    if (study.folder / layout.REPORT).is_file():
        return True
    print(f"rarepix: the analysis wrote no report; repeat it with `make analyze STUDY={study.folder}`", file=sys.stderr)
    return False


def _print_started(study: "Study", warning: str | None = None) -> None:
    from rarepix.search.nni import install_patch

    print(f"study {study.id}: {_planned_trials(study) or 'unlimited'} trials, records in {study.folder}")
    print(f"web UI: {study.url} (from another machine first: {install_patch.ssh_tunnel(study.port)})", flush=True)
    if warning:
        print(f"rarepix: {warning}", file=sys.stderr)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print_stopped(experiment: str) -> None:
    from rarepix.search.studies.study import view_command

    print(f"study {experiment} is stopped; its web UI opens again with `{view_command(experiment)}`")
