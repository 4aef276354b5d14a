"""A trial that trains nothing, for tests of studies: it receives its parameters from NNI, reports, and writes a record.

The environment sets what it does: ``PRETEND`` = JSON of {trial number: "die" | "killed" | "raise" | "silent" |
"hang" | "unrecorded" | "wait"}; each trial lasts ``PRETEND_SECONDS``, one that waits until there is a file ``go-on``.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rarepix import layout, records
from rarepix.record_splits import ClassCounts
from rarepix.search.nni import trial_io


def main() -> int:
    """Run one pretended trial."""
    how = json.loads(os.environ.get("PRETEND", "{}")).get(os.environ["NNI_TRIAL_SEQ_ID"])
    if how == "die":
        os._exit(3)
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append")
    parser.add_argument("--study")
    given = parser.parse_args()
    received = trial_io.receive()
    time.sleep(float(os.environ.get("PRETEND_SECONDS", "0.3")))
    if how == "raise":
        raise RuntimeError("pretended trouble")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        child = subprocess.Popen(["sleep", "600"])
        Path(f"child-of-{received.trial}").write_text(str(child.pid))
        time.sleep(600)
    for epoch in range(3):
        trial_io.report_intermediate({"objective": epoch / 10, "miou": epoch / 5, "iou/rare thing": float("nan")})
    while how == "wait" and not Path("go-on").exists():
        time.sleep(0.1)
    study = trial_io.study_name(given.study or Path(given.recipe).stem, received.experiment)
    left = record(study, received)
    if how != "unrecorded":
        folder = layout.trial_folder(layout.results_root(), study, received.trial)
        records.write(left, folder / "record.json")
        (folder / left.files["history"]).write_text("epoch,objective\n")
    if how != "silent":
        trial_io.report_final(left)
    return 0


def record(study: str, received: trial_io.Received) -> records.TrialRecord:
    """Return a complete record of a trial with one class and two pixels."""
    counts = {"val": {"thing": ClassCounts(tp=1, fp=0, fn=1, tn=0)}}
    dataset = records.Dataset(
        name="none",
        root="none",
        inventory_hash="0",
        split="random",
        split_file="none",
        classes=("thing",),
        rare=(),
        images={"val": 1},
        pixels={"val": 2},
        contents={"val": {"thing": records.ClassPixels(images=1, pixels=2)}},
    )
    return records.TrialRecord(
        study=study,
        trial=received.trial,
        attempt=1,
        status=records.Status.COMPLETE,
        started="2020-01-01T00:00:00+00:00",
        finished="2020-01-01T00:00:01+00:00",
        parameters=received.parameters,
        parameter_id=received.parameter_id,
        config={
            "environment": {name: os.environ.get(name) for name in ("PATH", "CUDA_VISIBLE_DEVICES", "NODE_OPTIONS")}
        },
        config_hash="0",
        block=records.Block(seed=received.parameters.get("seed", 0), fold=received.parameters.get("data.fold", 0)),
        dataset=dataset,
        versions={},
        device="cpu",
        objective=records.Objective(name="miou", value=0.5, epoch=0),
        counts=counts,
        files={"history": "history.csv"},
    )


if __name__ == "__main__":
    sys.exit(main())
