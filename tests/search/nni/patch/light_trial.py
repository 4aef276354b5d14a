"""A trial that uses NNI's HTTP channel directly (importing nni takes a second) and writes no files.

It reports ``STEPS`` times, every ``PAUSE`` seconds, and ends as ``PRETEND`` says: JSON of
{trial number: "die" | "killed"}.
"""

import json
import os
import signal
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL = os.environ["NNI_TRIAL_COMMAND_CHANNEL"]


def main() -> None:
    """Run the trial."""
    how = json.loads(os.environ.get("PRETEND", "{}")).get(os.environ["NNI_TRIAL_SEQ_ID"])
    if how == "die":
        os._exit(3)
    send({"type": "request_parameter"})
    parameters = json.loads(receive()["parameter"])
    for step in range(int(os.environ["STEPS"])):
        report(parameters, "PERIODICAL", step, step)
        time.sleep(float(os.environ["PAUSE"]))
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    report(parameters, "FINAL", 0, 0.5)


def report(parameters: dict, kind: str, sequence: int, value: float) -> None:
    """Send one metric."""
    metric = {
        "parameter_id": parameters["parameter_id"],
        "trial_job_id": os.environ["NNI_TRIAL_JOB_ID"],
        "type": kind,
        "sequence": sequence,
        "value": json.dumps(value),
    }
    send({"type": "metric", "metric": json.dumps(metric)})


def send(command: dict) -> None:
    """Send one command."""
    request = Request(URL, json.dumps(command).encode(), {"Content-Type": "application/json"}, method="PUT")
    urlopen(request).read()


def receive() -> dict:
    """Wait for a command (408: nothing yet)."""
    while True:
        try:
            return json.load(urlopen(URL))
        except HTTPError as error:
            if error.code != 408:
                raise


if __name__ == "__main__":
    main()
