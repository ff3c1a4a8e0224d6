"""A script: training jobs on several devices, described by a JSON file. Each process of the jobs runs it.

With ``stop_at`` a job is stopped at one of its micro-batches, which ends the script.
"""

import json
import os
import signal
import sys
from pathlib import Path

from relscale.design.run import run_from_dict
from relscale.storage.process import EXIT_CODE
from relscale.tokens.store import TokenStore
from relscale.training.data import TrainingData
from relscale.training.interruption import Interrupted
from relscale.training.job import Job, train_job
from relscale.training.options import Training


def stop_at(piece):
    before = TokenStore.batch

    def batch(self, number, *arguments, **named):
        if number == piece:
            os.kill(os.getpid(), signal.SIGTERM)
        return before(self, number, *arguments, **named)

    TokenStore.batch = batch


def train(job):
    if "stop_at" in job:
        stop_at(job["stop_at"])
    tokens, vocabulary, store = (Path(job[name]) for name in ("tokens", "vocabulary", "store"))
    runs = [run_from_dict(run) for run in job["runs"]]
    options = Training.model_validate(job["options"])
    train_job(Job(runs, TrainingData(tokens, vocabulary), store, options), Path(job["output"]))


def main():
    try:
        for job in json.loads(Path(sys.argv[1]).read_text()):
            train(job)
    except Interrupted:
        sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main()
