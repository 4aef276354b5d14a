"""Draw the pictures of the documents again.

    python -m docs.pictures [--out FOLDER]

remedies.png: what each crop and each paste does to a photograph.
samplers.png: how often each sampling shows each class.
architecture.png: floors and rooms of the code, and their imports.
"""

import argparse
import tempfile
from pathlib import Path

from docs.pictures import architecture, photographs, remedies, samplers


def main() -> None:
    """Draw all into the folder (default: the one that holds the documents)."""
    parser = argparse.ArgumentParser(prog="python -m docs.pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1])
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        remedies.draw(photographs.write(Path(folder) / "photographs"), out / "remedies.png")
        samplers.draw(Path(folder) / "demo", out / "samplers.png")
    architecture.draw(out / "architecture.png")
    print(f"{out} holds remedies.png, samplers.png and architecture.png")


if __name__ == "__main__":
    main()
