"""Largest and smallest eigenvalues of a checkpoint's Hessian by batch size, by stochastic Lanczos, and their density.

    python benchmarks/hessian_spectrum.py MODEL TEXT [--batches 1,4,16] [--repeats 3] [--tokens 64] [--density 16]

MODEL is the folder of a checkpoint with its tokenizer, TEXT a table with a column ``text`` or a file of text. Each
batch has so many sequences, drawn anew. Batch noise inflates the largest eigenvalue λ, and 2/λ is the largest
stable learning rate of SGD. In float32, with eager attention, on a CPU.

Takes one product with the Hessian per iteration and repeat; quoted in docs/reference/atlas.md.
"""

from pathlib import Path

import numpy as np
import torch
from command_line import command_line
from tabulate import tabulate
from tokenizers import Tokenizer

from relscale.scoring.checkpoint import load_model
from relscale.storage.tables import read_table
from relscale.training.hessian_spectrum import Ritz, density, hessian_product, lanczos


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--batches", default="1,4,16")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--density", type=int, metavar="BATCH", help="Print the density of a batch, too.")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = load_model(options.model)
    model.set_attn_implementation("eager")
    sequences = encoded(options.text, options.model / "tokenizer.json", options.tokens)
    parameters = [each for each in model.parameters() if each.requires_grad]
    size = sum(each.numel() for each in parameters)
    rng = np.random.default_rng(0)

    def spectrum(batch: int, seed: int) -> Ritz:
        rows = sequences[rng.choice(len(sequences), batch, replace=False)]
        loss = model(input_ids=rows, labels=rows, use_cache=False).loss
        return lanczos(hessian_product(loss, parameters), size, options.iterations, seed)

    table = []
    for batch in map(int, options.batches.split(",")):
        found = [spectrum(batch, seed) for seed in range(options.repeats)]
        largest, least = ([one.values[end] for one in found] for end in (-1, 0))
        table.append([batch, np.mean(largest), np.std(largest, ddof=1), np.mean(least), 2 / np.mean(largest)])
    print(f"{size:,} parameters, {len(sequences)} sequences of {options.tokens} tokens")
    print(tabulate(table, ["sequences", "largest", "± sd", "least", "2 / largest"], floatfmt=".4g"))
    if options.density:
        found = [spectrum(options.density, seed) for seed in range(options.repeats)]
        at = np.linspace(min(f.values[0] for f in found), max(f.values[-1] for f in found), 25)
        width = (at[1] - at[0]) / 2
        print(
            tabulate(
                np.column_stack([at, density(found, at, width)]), ["eigenvalue", "density"], floatfmt=".3g"
            )
        )


def encoded(text: Path, tokenizer: Path, length: int) -> torch.Tensor:
    """Sequences of tokens (n, length), one document after the other."""
    lines = [text.read_text()] if text.suffix == ".txt" else read_table(text)["text"].to_pylist()
    reader = Tokenizer.from_file(str(tokenizer))
    ids = [token for line in lines[:4000] for token in reader.encode(line).ids]
    return torch.tensor(ids[: len(ids) // length * length]).reshape(-1, length)


if __name__ == "__main__":
    main()
