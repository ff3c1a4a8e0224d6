"""Time to save a training's state, as a share of the time between two saves.

    python benchmarks/saving.py --params 1e6 1e7 1e8 --folder FOLDER

For models of about so many parameters: the size of the state, the seconds to write it to the disk and rename it,
and their share of the default of ``training.save_every``. ``FOLDER`` should be on the disk of the store.

Takes three times the printed seconds, and the set-up of the models; quoted in docs/how-to/training.md.
"""

import tempfile
import time
from pathlib import Path

import torch
from command_line import command_line

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.options import Training
from relscale.training.state import FILE, write_state

VOCABULARY = 2048
SAVE_EVERY = Training().save_every  # minutes


def main() -> None:
    parser = command_line(__doc__)
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
