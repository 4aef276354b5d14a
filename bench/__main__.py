"""Measure the speed of training, as ratios within one run.

    python -m bench                    # both measurements on this machine, about 3 minutes on two CPU cores
    python -m bench --set engine.batch_size=32 --set crop.size=[512,512] --size 512 --images 512    # on a GPU

epoch against bare step:  a whole training epoch (loader, augmentation, transfer, loss, bookkeeping) over
                          forward + backward + optimiser of the same model and batch held in memory
trial against plain loop: training epoch and validation of a default trial over those of a plain loop
                          (FP32, NCHW, no workers, files read again, metrics on the host)
"""

import argparse
import tempfile
from pathlib import Path

import torch

from bench.contenders import bare_step, plain_loop, trial_against
from bench.ratios import describe
from rarepix.config import TrialConfig, load_recipe, parse_settings, updated
from rarepix.data.synthetic import draw_voc
from rarepix.engine.hardware import Hardware, choose_hardware
from rarepix.wiring import Data, build_data


def main() -> None:
    """Draw data, measure, print."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = draw_voc(Path(folder) / "data", images=given.images, size=(given.size, given.size), seed=0)
        config = updated(load_recipe(given.recipe), {"data.root": str(root)} | parse_settings(given.set))
        hardware = choose_hardware(config.engine)
        if config.engine.threads:
            torch.set_num_threads(config.engine.threads)
        data = build_data(config, gpu=hardware.accelerator == "gpu")
        print(f"{hardware.name}, {hardware.precision}, torch {torch.__version__}; {_what(config, data)}", flush=True)
        _compare(config, data, hardware, Path(folder), given.repeats)


def _compare(config: TrialConfig, data: Data, hardware: Hardware, folder: Path, repeats: int) -> None:
    device = torch.device("cuda" if hardware.accelerator == "gpu" else "cpu")
    contenders = {
        "epoch against bare step": (bare_step(config, data, hardware, device), False),
        "trial against plain loop": (plain_loop(config, data, device), True),
    }
    for name, (reference, validates) in contenders.items():
        pairs = trial_against(reference, config, data, hardware, folder / name, validates=validates, repeats=repeats)
        print(describe(name, pairs), flush=True)


def _what(config: TrialConfig, data: Data) -> str:
    model = f"{config.model.architecture} {config.model.encoder}"
    images = len(data.splits.by_name["train"].items)
    return f"{model}, batch {config.engine.batch_size}, crop {config.crop.size}, {images} training images"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="bench")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key of the recipe")
    parser.add_argument("--images", type=int, default=200, help="images to draw")
    parser.add_argument("--size", type=int, default=128, help="rows and columns of an image")
    parser.add_argument("--repeats", type=int, default=5, help="pairs that are counted")
    return parser


if __name__ == "__main__":
    main()
