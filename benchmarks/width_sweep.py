"""Whether the best learning rate changes with the width under recipes that transfer it from one width to another.

    python benchmarks/width_sweep.py results/laptop/tokens/documentation --figure docs/explanation/width_sweep.png

Needs a token store of the default experiment. Each model has one layer and heads of size 16, and is trained on the
same 102,400 tokens by AdamW, at multiples of its recipe's learning rate. Printed is the multiple with the lowest
loss, by a parabola through the lowest mean and its two neighbours.

Takes 112 trainings of at most 2.2e11 FLOPs, some minutes of one core; quoted in docs/how-to/training.md.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
from command_line import command_line
from plotly.subplots import make_subplots
from training_loop import train

from relscale.design.architecture import Architecture
from relscale.design.recipes import layerwise_decay, width_transfer
from relscale.design.run import Run
from relscale.figures.browser import find_chrome, render
from relscale.tokens.store import TokenStore
from relscale.training.fabric import fabric_precision
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.options import Training
from relscale.training.precision import choose_precision

RECIPES = {"width-transfer": width_transfer, "layerwise-decay": layerwise_decay}
WIDTHS = (16, 32, 64, 96)
MULTIPLES = tuple(2.0**power for power in range(-6, 1))
SEEDS = (0, 1)
SEQUENCE, BATCH, STEPS = 64, 8, 200
RECENT = 20  # steps whose mean loss is the final one


def final_loss(recipe: str, width: int, multiple: float, seed: int, store: TokenStore) -> float:
    """Nats per token at the end of one training; not a number where it diverged."""
    a = Architecture(2048, SEQUENCE, width, 1, width // 16, width // 16, 16, 4 * width)
    h = RECIPES[recipe].hyperparameters("adamw", a, BATCH, STEPS * BATCH * SEQUENCE)
    vectors = None if h.vector_learning_rate is None else multiple * h.vector_learning_rate
    h = replace(h, learning_rate=multiple * h.learning_rate, vector_learning_rate=vectors)
    torch.manual_seed(seed)
    model = Decoder(a)
    optimizer = build_optimizer(model, h)
    precision = fabric_precision(choose_precision(Training(), width), torch.device("cpu"))

    def loss_of(model: Decoder, batch: torch.Tensor) -> torch.Tensor:
        with precision.forward_context():
            return model.loss(batch)

    run = Run("documentation", 0.0, seed, a, BATCH, STEPS, h)
    return float(np.mean(train(run, store, model, loss_of, optimizer)[-RECENT:]))


def least(losses: np.ndarray) -> float:
    """The multiple of least loss; at an end of those tried, that end."""
    place = int(np.nanargmin(losses))
    if not 0 < place < len(losses) - 1:
        return MULTIPLES[place]
    x = np.log2(MULTIPLES[place - 1 : place + 2])
    square, slope, _ = np.polyfit(x, losses[place - 1 : place + 2], 2)
    return float(2 ** (-slope / (2 * square)))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = TokenStore.open(options.tokens)
    shape = len(RECIPES), len(WIDTHS), len(MULTIPLES), len(SEEDS)
    losses = np.array(
        [final_loss(*cell, store) for cell in product(RECIPES, WIDTHS, MULTIPLES, SEEDS)]
    ).reshape(shape)
    print(
        "| recipe | width | best multiple of its rate | by seed | its loss | "
        + " | ".join(f"×{m:g}" for m in MULTIPLES)
    )
    print("|---" * (5 + len(MULTIPLES)) + "|")
    for recipe, of_recipe in zip(RECIPES, losses, strict=True):
        for width, own in zip(WIDTHS, of_recipe, strict=True):
            by_seed = ", ".join(f"{least(own[:, seed]):.2f}" for seed in range(len(SEEDS)))
            means = own.mean(-1)
            cells = " | ".join(f"{mean:.3f}" for mean in means)
            print(
                f"| {recipe} | {width} | {least(means):.2f} | {by_seed} | {np.nanmin(means):.3f} | {cells} |"
            )
    if options.figure:
        draw(losses.mean(-1), options.figure)


def draw(losses: np.ndarray, path: Path) -> None:
    figure = make_subplots(cols=len(RECIPES), subplot_titles=tuple(RECIPES), shared_yaxes=True)
    colours = ("#b3cde0", "#6497b1", "#005b96", "#03396c")
    for column, of_recipe in enumerate(losses, start=1):
        for width, colour, means in zip(WIDTHS, colours, of_recipe, strict=True):
            lines = go.Scatter(
                x=MULTIPLES,
                y=means,
                name=f"width {width}",
                line_color=colour,
                mode="lines+markers",
                showlegend=column == 1,
            )
            figure.add_trace(lines, row=1, col=column)
    labels = [f"{m:g}" if m >= 1 else f"1/{1 / m:g}" for m in MULTIPLES]
    figure.update_xaxes(
        type="log", tickvals=MULTIPLES, ticktext=labels, title="learning rate, multiple of the recipe's"
    )
    figure.update_yaxes(title="final loss (nats per token)", col=1)
    figure.update_layout(
        template="plotly_white", width=900, height=360, margin={"t": 40, "r": 20, "b": 60, "l": 60}
    )
    chrome = find_chrome()
    if chrome is None:
        raise SystemExit("no Chrome found, so no figure is drawn")
    render([(figure.to_dict(), path)], chrome)


if __name__ == "__main__":
    main()
