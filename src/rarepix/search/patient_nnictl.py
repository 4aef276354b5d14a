"""nnictl as it is, but for its patience: it gives NNI's server three seconds to come up, which a busy machine exceeds.

python -m rarepix.search.patient_nnictl create --config nni_config.yml
"""

from functools import partial

SECONDS = 20
"""nnictl asks once a second. A server that cannot come up at all costs as many."""


def main() -> None:
    """Run nnictl's command line."""
    from nni.experiment import launcher
    from nni.tools.nnictl import nnictl

    launcher._check_rest_server = partial(launcher._check_rest_server, retry=SECONDS)
    nnictl.parse_args()


if __name__ == "__main__":
    main()
