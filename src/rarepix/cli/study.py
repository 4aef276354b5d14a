"""``rarepix study``: start studies, follow them, and go on with them."""

import sys
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
    str | None, typer.Argument(metavar="[STUDY]", help="Experiment id or results folder; default: the one that runs.")
]
Name = Annotated[str, typer.Argument(metavar="STUDY", help="Experiment id or results folder.")]
Port = Annotated[int, typer.Option(help="Port of NNI's web UI.")]
Host = Annotated[
    str, typer.Option(help="Where the web UI listens: 127.0.0.1 is this machine only, 0.0.0.0 every network.")
]


@app.command()
def check(config: Config, port: Annotated[int | None, typer.Option(help="Look at this port, too.")] = None) -> None:
    """Check a study without starting it."""
    from rarepix.search.checks import preflight

    preflight.check(config, port)
    print(f"{config}: nothing found that would stop it")


@app.command()
def start(config: Config, port: Port = 8080, host: Host = "127.0.0.1") -> None:
    """Check a study and start it; it goes on by itself."""
    from rarepix.search.nni import bind_host
    from rarepix.search.studies import study

    warning = bind_host.set_bind_host(host)
    _say_started(study.start(config, port), warning)


@app.command()
def watch(name: Running = None) -> None:
    """Follow a study to its end, or say how it ended. Exit code: 0 all trials complete, 1 some failed, 2 it broke."""
    from rarepix.search.studies import study
    from rarepix.search.studies.watch import outcome_of_ended

    known = study.find_experiment(name) if name else None
    raise typer.Exit(_say_outcome(*outcome_of_ended(known)) if known and not known.alive else _follow(study.find(name)))


@app.command("list")
def list_() -> None:
    """List the studies of this user: how each is, how far it came, where its results lie."""
    from rarepix.search.studies import listing

    found = listing.overviews()
    if not found:
        print("NNI knows no study of this user")
        return
    listing.show(found, sys.stdout)


@app.command()
def resume(name: Name, port: Port = 8080, host: Host = "127.0.0.1") -> None:
    """Go on with a study that was stopped or killed: what is done stays done, the rest goes on from checkpoints."""
    from rarepix.search.nni import bind_host
    from rarepix.search.studies.resume import resume as go_on

    warning = bind_host.set_bind_host(host)
    study, ended = go_on(name, port)
    _say_ended(ended)
    _say_started(study, warning)


@app.command()
def stop(name: Running = None) -> None:
    """Stop a study: its trials and its web UI; of one that was killed, whatever it left running."""
    from rarepix.search.studies import study

    experiment = study.find_experiment(name).id if name else study.find().id
    _say_ended(study.stop(experiment))
    _say_stopped(experiment)


@app.command()
def view(name: Name, port: Port = 8080) -> None:
    """Open the web UI of a study that has ended, for reading."""
    from rarepix.search.studies import study

    print(f"web UI: {study.view(name, port)} (close it with `rarepix study stop {name}`)")


@app.command()
def confirm(
    name: Name,
    top: Annotated[int, typer.Option(min=1, help="Winners to run again, beside the default configuration.")] = 3,
    blocks: Annotated[int, typer.Option(min=2, help="Fresh seeds on which they run.")] = 8,
    again: Annotated[bool, typer.Option("--again", help="Confirm a study a second time.")] = False,
    port: Port = 8080,
) -> None:
    """Run a study's winners and its default configuration again, on fresh blocks, as a new study."""
    from rarepix.search.studies import confirm as confirmation
    from rarepix.search.studies import study

    started = confirmation.confirm(
        name, top=top, blocks=blocks, again=again, start=lambda config: study.start(config, port)
    )
    _say_started(started)


@app.command()
def gather(name: Name) -> None:
    """Bring home the trials' folders from other machines. Exit code: 0 everything is here, 1 something is not."""
    from rarepix.search.remote.fetch import fetch_results as bring_home

    gathered = bring_home(name)
    for line in gathered.lines():
        print(line)
    raise typer.Exit(0 if gathered.complete else 1)


@app.command()
def run(
    config: Config,
    port: Port = 8080,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the web UI open when the study is done.")] = False,
) -> None:
    """Start a study, follow it to its end, stop it, and analyse it. Exit code as that of watch."""
    from rarepix.search.studies import study

    started = study.start(config, port)
    _say_started(started)
    code = _follow(started)
    if not keep:
        _say_ended(study.stop(started.id))
    analysed = _analyse(started)
    if keep:
        print(f"web UI: {started.url} (close it with `rarepix study stop {started.id}`)")
    else:
        _say_stopped(started.id)
    raise typer.Exit(code or (0 if analysed else 2))


def _follow(study: "Study") -> int:
    from rarepix.search.optimizer.journal import read_summary
    from rarepix.search.studies.display import live_display
    from rarepix.search.studies.watch import watch

    plan = read_summary(study.folder)
    total = plan.runs if plan and plan.runs else study.trials
    try:
        with live_display(total, study.concurrency) as show:
            outcome = watch(study, show)
    except KeyboardInterrupt:
        print(
            f"\nthe study goes on: `rarepix study watch {study.id}` follows, `rarepix study stop {study.id}` stops it"
        )
        raise typer.Exit(130) from None
    return _say_outcome(study, outcome)


def _say_outcome(study: "Study", outcome: "Outcome") -> int:
    for trial, why in outcome.wrong.items():
        print(f"trial {trial}: {why}", file=sys.stderr)
    print(f"study {study.id}: {outcome.summary()}", file=sys.stderr if outcome.exit_code else sys.stdout)
    return outcome.exit_code


def _analyse(study: "Study") -> bool:
    """Run the analysis in a process of its own (it must not import us, nor we it); return whether it left a report."""
    import subprocess

    subprocess.run([sys.executable, "-m", "analysis", str(study.folder)], cwd=study.code, check=False)
    if (study.folder / layout.REPORT).is_file():
        return True
    print(f"rarepix: the analysis left no report; repeat it with `make analyze STUDY={study.folder}`", file=sys.stderr)
    return False


def _say_started(study: "Study", warning: str | None = None) -> None:
    from rarepix.search.nni import bind_host
    from rarepix.search.optimizer.journal import read_summary

    plan = read_summary(study.folder)
    trials = plan.runs if plan and plan.runs else study.trials
    print(f"study {study.id}: {trials or 'unlimited'} trials, records in {study.folder}")
    print(f"web UI: {study.url} (from another machine first: {bind_host.ssh_tunnel(study.port)})", flush=True)
    if warning:
        print(f"rarepix: {warning}", file=sys.stderr)


def _say_ended(lines: list[str]) -> None:
    for line in lines:
        print(f"left of it, now ended: {line}")


def _say_stopped(experiment: str) -> None:
    from rarepix.search.studies.study import view_command

    print(f"study {experiment} is stopped; its web UI opens again with `{view_command(experiment)}`")
