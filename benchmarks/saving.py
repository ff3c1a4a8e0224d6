"""What it costs to save a training's state, as a share of the time between two saves.

    python benchmarks/saving.py --params 1e6 1e7 1e8 --folder FOLDER

For models of about so many parameters: the bytes of the state, the seconds that writing it takes here, to the disk
and renamed, and their share of ``training.save_every``'s default. ``FOLDER`` should lie where the store does.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.options import Training
from relscale.training.state import FILE, write_state

VOCABULARY = 2048
SAVE_EVERY = Training().save_every  # minutes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--params", type=float, nargs="+", default=[1e6, 1e7, 1e8])
    parser.add_argument("--optimizer", default="c-adamc")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    options = parser.parse_args()
    print(
        f"| parameters | state, MB | seconds | MB/s | share of {SAVE_EVERY:g} minutes |\n|---|---|---|---|---|"
    )
    for params in options.params:
        # A layer for every 64 of width has about 16·width² parameters.
        width = next(w for w in range(64, 8192, 64) if 2 * VOCABULARY * w + w // 64 * 16 * w**2 >= params)
        a = architecture(width, 256, VOCABULARY)
        model = DistributedModel(Decoder(a), hyperparameters(options.optimizer, a, 16), launch())
        for parameter in model.decoder.parameters():
            parameter.grad = torch.zeros_like(parameter)
        model.optimizer.step()  # makes its moments
        model.optimizer.zero_grad()
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds = []
            for _ in range(options.rounds):
                started = time.perf_counter()
                write_state(Path(folder), model.state_dict())
                seconds.append(time.perf_counter() - started)
            size = (Path(folder) / FILE).stat().st_size / 1e6
        taken = sorted(seconds)[len(seconds) // 2]
        count = sum(parameter.numel() for parameter in model.decoder.parameters())
        print(
            f"| {count:,} | {size:.0f} | {taken:.2f} | {size / taken:.0f} | {taken / 60 / SAVE_EVERY:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
