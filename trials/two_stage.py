"""Train a classifier and a segmentation network, and let the classifier gate the masks.

    python -m trials.two_stage --recipe demo
    python -m trials.two_stage --recipe demo --set first.optim.lr=0.002 --set first.data.resize=64 --trial mine
    python -m trials.two_stage --recipe demo --set second.trial=results/demo/trials/mine

The recipe is that of the segmentation network; what is different in the classifier stands under ``first``. Either may
be the network of a finished trial. Started again under the same ``--trial`` it goes on from its last checkpoint.
"""

import sys
from functools import partial

from rarepix.cli import trial

main = partial(trial.main, "two_stage")

if __name__ == "__main__":
    sys.exit(main())
