"""Train one segmentation network and leave its record.

    python -m trials.segment --recipe demo
    python -m trials.segment --recipe demo --set optim.lr=0.002 --set loss.name=focal --trial mine
    nnictl create --config nni_config.yml          # the same script; its parameters come from NNI

Started again under the same ``--trial`` it goes on from its last checkpoint.
"""

import sys
from functools import partial

from rarepix.cli import trial

main = partial(trial.main, "segment")

if __name__ == "__main__":
    sys.exit(main())
