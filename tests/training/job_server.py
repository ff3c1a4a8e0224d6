"""A script: for every line of its input a training job in a process of its own, killed where the line says.

It imports torch once and forks. A line is JSON: ``run``, ``tokens``, ``vocabulary``, ``store``, ``output`` and
``options`` of the job, ``parent`` of it, and what happens: ``send`` (a signal's name) to ``whom`` ("self", or the
number of a process) ``at`` a moment. Answers are lines of JSON: the process's number, and later its exit status.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import torch

from relscale.design.run import run_from_dict
from relscale.storage.process import EXIT_CODE
from relscale.tokens.store import TokenStore
from relscale.training import fabric, interruption, observers, ownership, result  # noqa: F401
from relscale.training import run as run_module
from relscale.training.cpu import native
from relscale.training.data import TrainingData
from relscale.training.interruption import Interrupted
from relscale.training.job import Job, train_job
from relscale.training.options import Training


def at_step(step, act):
    before = TokenStore.batch

    def batch(self, number, *arguments, **named):
        if number == step:
            act()
        return before(self, number, *arguments, **named)

    TokenStore.batch = batch


def at_validation(number, act):
    before, count = observers.mean_loss, 0

    def mean_loss(*arguments):
        nonlocal count
        count += 1
        if count == number:
            act()
        return before(*arguments)

    observers.mean_loss = mean_loss


def at_save(number, act):
    """Half of the state is written by then."""
    before, count = torch.save, 0

    def save(state, file):
        nonlocal count
        count += 1
        before(state, file)
        if count == number:
            file.truncate(file.tell() // 2)
            act()

    torch.save = save


def at_export(number, act):
    """The weights are written by then, the record is not."""
    before, count = result.export, 0

    def export(*arguments):
        nonlocal count
        count += 1
        before(*arguments)
        if count == number:
            act()

    result.export = export


def at_end(_, act):
    """The result is there by then, and so is the state."""
    run_module.remove_state = lambda folder: act()


MOMENTS = {
    "step": at_step,
    "validation": at_validation,
    "save": at_save,
    "export": at_export,
    "end": at_end,
}


def job(line):
    def act():
        whom = os.getpid() if line["whom"] == "self" else line["whom"]
        os.kill(whom, signal.Signals[line["send"]])
        for thread in threading.enumerate():  # where it killed its parent: until that is noticed
            if line["whom"] != "self" and thread.name == interruption.WATCH:
                thread.join()

    if "at" in line:
        moment, number = line["at"]
        MOMENTS[moment](number, act)
    interruption.SECONDS_BETWEEN_CHECKS = ownership.SECONDS_BETWEEN_CHECKS = 0.01
    ownership.PATIENCE = line.get("patience", ownership.PATIENCE)
    tokens, vocabulary, store = (Path(line[name]) for name in ("tokens", "vocabulary", "store"))
    options = Training.model_validate(line["options"])
    description = Job([run_from_dict(line["run"])], TrainingData(tokens, vocabulary), store, options)
    try:
        train_job(description, Path(line["output"]), parent=line.get("parent"), report=lambda text: None)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return EXIT_CODE
    return 0


def answer(**values):
    os.write(1, (json.dumps(values) + "\n").encode())  # in one piece, from whichever process


def main():
    torch.set_num_threads(1)
    native.library()  # compiled and loaded once
    for text in sys.stdin:
        line = json.loads(text)
        waiter = os.fork()
        if waiter == 0:
            child = os.fork()
            if child == 0:
                descriptor = os.open(line["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(descriptor, 2)
                code = 1
                try:
                    code = job(line)
                finally:
                    os._exit(code)
            answer(started=child)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            answer(ended=child, status=status)
            os._exit(0)


if __name__ == "__main__":
    main()
