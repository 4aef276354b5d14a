"""One process of a trial on several devices: ``python -m rarepix.trial.rank``, started by ``rarepix.trial.launch``.

The first line of its standard input is its job, as JSON; when that input ends, it ends. Signals that stop a trial are
for the process that started it, which then ends its ranks: in the middle of a conversation with the others no handler
could do it (Lightning's own one begins another conversation).
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

from rarepix import records
from rarepix.config import TrialConfig
from rarepix.trial.lifecycle import RunContext, describe_failure
from rarepix.trial.run import Startup, carry_out


def main() -> int:
    """Do the job; return the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(job["tell"], "w", encoding="utf-8") as mouth:

        def tell(**what: Any) -> None:
            print(json.dumps(what), file=mouth, flush=True)

        try:
            _work(job, lambda scores: tell(scores=scores))
        except Exception as error:
            cause = describe_failure(error).model_dump()
            tell(describe_failure=cause, at=time.time(), traceback="".join(traceback.format_exception(error)))
            os._exit(1)  # what is left of the group could wait for the others for ever
        if job["rank"] == 0:
            tell(complete=True)
    return 0


def _work(job: dict[str, Any], listener: Any) -> None:
    config = TrialConfig(**job["config"])
    place = RunContext(**job["place"] | {"results": Path(job["place"]["results"])})
    _share_cores(config)

    from rarepix.engine import distributed  # imports torch, which reads the environment

    carry_out(
        config,
        place,
        records.read(place.record_file),
        Startup(job["began"]),
        listener,
        meet=lambda hardware: distributed.join(
            Path(job["meeting"]), job["rank"], job["size"], gpu=hardware.accelerator == "gpu"
        ),
    )
    distributed.leave()


def _share_cores(config: TrialConfig) -> None:
    """Say how many threads this process may use, before torch asks."""
    cores = psutil.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (config.engine.threads or cores) // config.engine.devices)))


def _end_with_parent() -> None:
    """End this process and those that it started, when its input ends."""
    sys.stdin.read()
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
