"""``rarepix tune``: choose on validation images when a class counts as found, and say how often on empty ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarepix.cli.evaluate import NETWORK, RECIPE, SETTINGS
from rarepix.cli.progress import bar

if TYPE_CHECKING:
    from rarepix.gates import TunedGate


def tune(
    network: Annotated[Path, NETWORK],
    false_alarms: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of empty images on which anything may be found; default: 0.05."),
    ] = None,
    best: Annotated[str | None, typer.Option(metavar="SCORE", help="Tune for the best of this score instead.")] = None,
    gate: Annotated[
        str | None,
        typer.Option(help="presence, pixels, area, classifier, or a sum (presence+area); default: by the network."),
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(metavar="TRIAL", help="Folder of the trial whose network says which classes are there."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Of the bound of the false alarms and of the interval of the sensitivity.")
    ] = 0.95,
    recipe: Annotated[str | None, RECIPE] = None,
    part: Annotated[
        str, typer.Option(help="val, the part that neither trained nor tests the network: no other is taken.")
    ] = "val",
    listed: Annotated[str | None, typer.Option("--list", help="A list of the dataset instead of the part.")] = None,
    settings: Annotated[list[str] | None, SETTINGS] = None,
) -> None:
    """Tune a gate on validation images: when does a class count as found, and how often on empty images?"""
    from rarepix.config import build_config, parse_settings
    from rarepix.evaluation.checkpoint import load_trained_model
    from rarepix.evaluation.gates.tune import run_tune, select_validation
    from rarepix.settings import ConfigError

    if false_alarms is not None and best is not None:
        raise ConfigError("--false-alarms and --best say what a gate is tuned for: give one of them")
    given = parse_settings(settings or [])
    if of_gate := [key for key in given if key.partition(".")[0] == "gate"]:
        raise ConfigError(
            f"what a gate is tuned for must be given with --gate, --false-alarms, --best and --confidence, but --set "
            f"gives {', '.join(of_gate)}: leave it out"
        )
    trained = load_trained_model(network, recipe=recipe, settings=given)
    if gate is None:
        gate = "classifier" if classifier else "presence" if "presence" in trained.module.model.outputs else "pixels"
    chosen = {"kind": gate, "best": best, "confidence": confidence}
    chosen |= {} if false_alarms is None else {"false_alarms": false_alarms}
    config = build_config(trained.config.model_dump(mode="json") | {"gate": chosen})
    items, groups = select_validation(trained, part=part, listed=listed)
    with bar("measuring", len(items)) as advance:
        tuned, file = run_tune(trained, config.gate, items, groups=groups, classifier=classifier, advance=advance)
    for line in describe(tuned):
        print(line)
    print(f"gate: {file}; rarepix test and predict apply it, unless --no-gate is given")


def describe(tuned: "TunedGate") -> list[str]:
    """Return what a gate asks for and how sure it is what it does, in sentences."""
    gate, certificate = tuned.gate, tuned.certificate
    units = "images" if certificate.units == "images" else "groups, one image of each"
    rate, seen = certificate.alarms / certificate.images, certificate.sensitivity
    lines = [f"a class is found where ({gate.kind}):"]
    for number, name in enumerate(gate.classes):
        asked = []
        if gate.presence is not None:
            of = "the classifier's" if "classifier" in gate.kind else "its"
            asked.append(f"{of} probability of presence is above {gate.presence[number]:.3g}")
        if gate.pixels is not None:
            asked.append(f"some pixel's probability is above {gate.pixels[number]:.3g}")
        if gate.area is not None:
            asked.append(f"it has at least {gate.area[number]} px")
        lines.append(f"  {name}: {', '.join(asked)}")
    if gate.mask is not None:
        lines.append(f"  pixels are those whose probability is above {gate.mask}")
    lines += [
        f"false alarms: {certificate.alarms} of {certificate.images} empty {units} ({rate:.1%}); with confidence "
        f"{certificate.confidence:.0%} at most {certificate.bound:.1%} of such images alarm",
        f"sensitivity: {seen.hits} of {seen.images} {units} with a class ({seen.hits / seen.images:.1%}, "
        f"{certificate.confidence:.0%} interval {seen.low:.1%} to {seen.high:.1%})",
    ]
    chosen = certificate.chosen_on
    if any(chosen.values()):
        what = "the gate" if certificate.score else "all but its strictness"
        others = f"{chosen['empty']} empty and {chosen['positive']} with a class"
        lines.append(f"{what} was chosen on other images, {others}")
    return lines
