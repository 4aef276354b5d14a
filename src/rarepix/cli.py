"""Hyperparameter search for segmentation in which the thing that matters is rare.

A user's mistake ends with one message on standard error and exit code 2, never with a traceback.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rarepix.search.study import Study

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.splitlines()[0]
)
study_app = typer.Typer(no_args_is_help=True, help="Start and follow studies (NNI experiments).")
app.add_typer(study_app, name="study")

StudyFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The study's file, for instance nni_config.yml.")]
StudyName = Annotated[
    str | None, typer.Argument(metavar="[STUDY]", help="Experiment id or results folder; default: the one that runs.")
]
Port = Annotated[int, typer.Option(help="Port of NNI's web UI; it listens on this machine only.")]


@app.command("demo-data")
def demo_data(
    folder: Annotated[Path, typer.Argument(help="Folder to draw into; new or empty.")],
    images: Annotated[int, typer.Option(min=1)] = 320,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Draw a small dataset in the Pascal VOC layout whose classes are more or less rare."""
    from rarepix.data.synthetic import draw_voc

    draw_voc(folder, images=images, seed=seed)
    print(f"{folder} holds the demo data: {images} images")


@app.command()
def check(
    what: Annotated[
        str, typer.Argument(metavar="CONFIG_OR_RECIPE", help="A study's file, or a recipe's name or file.")
    ],
) -> None:
    """Check a study or a recipe without running it."""
    from rarepix.config import load_recipe
    from rarepix.search import preflight
    from rarepix.search.rehearsal import rehearse
    from rarepix.settings import ConfigError

    if preflight.is_study(Path(what)):
        preflight.check(what)
    else:
        problems = rehearse([load_recipe(what)], Path())
        if problems:
            raise ConfigError("\n".join(problems))
    print(f"{what}: nothing found that would stop it")


@study_app.command()
def start(config: StudyFile, port: Port = 8080) -> None:
    """Check a study and start it; it goes on by itself."""
    from rarepix.search import study

    _say_started(study.start(config, port))


@study_app.command()
def watch(name: StudyName = None) -> None:
    """Follow a running study to its end. Exit code: 0 all trials complete, 1 some failed, 2 the study broke."""
    from rarepix.search import study

    raise typer.Exit(_follow(study.find(name)))


@study_app.command()
def stop(name: StudyName = None) -> None:
    """Stop a study: its running trials and its web UI."""
    from rarepix.search import study

    found = study.find(name)
    study.stop(found)
    _say_stopped(found)


@study_app.command()
def view(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="Experiment id or results folder.")], port: Port = 8080
) -> None:
    """Open the web UI of a study that has ended, for reading."""
    from rarepix.search import study

    print(f"web UI: {study.view(name, port)} (close it with `rarepix study stop {name}`)")


@study_app.command()
def run(
    config: StudyFile,
    port: Port = 8080,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the web UI open when the study is done.")] = False,
) -> None:
    """Start a study, follow it to its end, stop it, and analyse it. Exit code as that of watch."""
    from rarepix.search import study

    started = study.start(config, port)
    _say_started(started)
    code = _follow(started)
    if not keep:
        study.stop(started)
    analysed = _analyse(started)
    if keep:
        print(f"web UI: {started.url} (close it with `rarepix study stop {started.id}`)")
    else:
        _say_stopped(started)
    raise typer.Exit(code or (0 if analysed else 2))


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="rarepix")
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_users(error):
            raise
        for line in str(error).splitlines():
            print(f"rarepix: {line}", file=sys.stderr)
        sys.exit(2)


def _is_users(error: Exception) -> bool:
    """Whether *error* is a message to the user: one of ours, or a file that cannot be had. Any other is a defect."""
    return type(error).__module__.startswith("rarepix.") or isinstance(error, OSError)


def _follow(study: "Study") -> int:
    from rarepix.search.progress import shown
    from rarepix.search.watch import watch

    try:
        with shown(study.trials) as show:
            outcome = watch(study, show)
    except KeyboardInterrupt:
        print(
            f"\nthe study goes on: `rarepix study watch {study.id}` follows, `rarepix study stop {study.id}` stops it"
        )
        raise typer.Exit(130) from None
    for trial, why in outcome.wrong.items():
        print(f"trial {trial}: {why}", file=sys.stderr)
    print(f"study {study.id}: {outcome.summary()}", file=sys.stderr if outcome.exit_code else sys.stdout)
    return outcome.exit_code


def _analyse(study: "Study") -> bool:
    """Run the analysis in a process of its own (it must not import us, nor we it); return whether it left a report."""
    import subprocess

    subprocess.run([sys.executable, "-m", "analysis", str(study.folder)], cwd=study.code, check=False)
    if (study.folder / "report" / "index.html").is_file():
        return True
    print(f"rarepix: the analysis left no report; repeat it with `make analyze STUDY={study.folder}`", file=sys.stderr)
    return False


def _say_started(study: "Study") -> None:
    print(f"study {study.id}: {study.trials} trials, records in {study.folder}")
    print(f"web UI: {study.url}", flush=True)


def _say_stopped(study: "Study") -> None:
    from rarepix.search.study import view_command

    print(f"study {study.id} is stopped; its web UI opens again with `{view_command(study.id)}`")
