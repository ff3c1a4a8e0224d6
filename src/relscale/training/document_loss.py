"""Bits per byte of documents under a trained model."""

import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.nn import functional

from relscale.design.architecture import Architecture
from relscale.storage.checksums import check_digests
from relscale.tokens.vocabulary import end_of_text_id, load_vocabulary
from relscale.training.model import Decoder

BATCH = 16  # sequences
CHUNK = 256  # documents that are encoded at a time


@torch.no_grad()
def document_losses(
    checkpoint: Path, architecture: Architecture, texts: Sequence[str]
) -> NDArray[np.float64]:
    """Bits per byte of each text, ``[n]``, including the end-of-text token, in windows of full length.

    The first token of a window is predicted from the preceding token only, as in a training sequence.

    Parameters
    ----------
    checkpoint
        The folder of a finished run.
    architecture
        Architecture of its model.
    texts
        Non-empty texts.
    """
    check_digests(checkpoint)
    model = Decoder(architecture)
    weights = load_file(checkpoint / "model.safetensors")
    model.load_state_dict(
        {name.removeprefix("model."): weight for name, weight in weights.items()}, strict=False
    )
    tokenizer = load_vocabulary(checkpoint)
    end, length = end_of_text_id(tokenizer, checkpoint), architecture.sequence_length
    nats = np.zeros(len(texts))
    rows: list[list[int]] = []
    owners: list[int] = []

    def predict() -> None:
        longest = max(map(len, rows))
        padded = torch.full((len(rows), longest), end)
        targets = torch.full((len(rows), longest - 1), -100)
        for place, row in enumerate(rows):
            padded[place, : len(row)] = torch.tensor(row)
            targets[place, : len(row) - 1] = padded[place, 1 : len(row)]
        logits = model(padded[:, :-1])
        losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        np.add.at(nats, owners, losses.view(targets.shape).sum(dim=1).double().numpy())
        rows.clear()
        owners.clear()

    remaining = iter(texts)
    number = 0
    while chunk := list(islice(remaining, CHUNK)):
        for encoding in tokenizer.encode_batch_fast(chunk, add_special_tokens=False):
            ids = [end, *encoding.ids, end]
            for start in range(0, len(ids) - 1, length):
                rows.append(ids[start : start + length + 1])
                owners.append(number)
                if len(rows) == BATCH:
                    predict()
            number += 1
    if rows:
        predict()
    lengths = np.array([len(text.encode()) for text in texts])
    return np.asarray(nats / math.log(2) / lengths)
