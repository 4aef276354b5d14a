"""nnictl as it is, but for two things: its patience, and that it takes what merely waits to be reaped for alive.

python -m rarepix.search.nni.run_nnictl create --config nni_config.yml

It gives NNI's server three seconds to come up, which a busy machine exceeds. And a manager that was killed stays in the
list of processes until its parent has noticed, in some containers for ever: nnictl would not resume its experiment.
"""

from functools import partial

from rarepix.search.nni.processes import lives

SECONDS = 20
"""nnictl asks once a second. A server that cannot come up at all costs as many."""


def correct() -> None:
    """Correct both in this process."""
    from nni.experiment import launcher
    from nni.tools.nnictl import nnictl_utils

    launcher._check_rest_server = partial(launcher._check_rest_server, retry=SECONDS)
    nnictl_utils.detect_process = lives


def main() -> None:
    """Run nnictl's command line."""
    from nni.tools.nnictl import nnictl

    correct()
    nnictl.parse_args()


if __name__ == "__main__":
    main()
