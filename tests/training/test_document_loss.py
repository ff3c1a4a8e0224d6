"""Bits per byte of documents, by which a corpus is pruned."""

import math

import pytest
import torch

from relscale.storage.checksums import seal
from relscale.tokens.vocabulary import end_of_text_id, load_vocabulary
from relscale.training.checkpoint import export
from relscale.training.document_loss import document_losses
from relscale.training.model import Decoder
from relscale.training.vocabulary import read_vocabulary

pytestmark = pytest.mark.slow  # torch takes seconds to import


def test_the_loss_of_a_document_is_the_models_own_over_its_bytes(run, vocabulary, tmp_path):
    a = run.architecture
    torch.manual_seed(0)
    model = Decoder(a)
    files = read_vocabulary(vocabulary).files
    export(model.state_dict(), a, 0, files, tmp_path)
    seal(tmp_path)
    texts = ["one plus two — café", "two plus three. " * 40, "a"]  # the second takes several windows
    found = document_losses(tmp_path, a, texts)
    tokenizer = load_vocabulary(tmp_path)
    end = end_of_text_id(tokenizer, tmp_path)
    for text, bits in zip(texts, found, strict=True):
        ids = torch.tensor([end, *tokenizer.encode(text).ids, end])
        windows = [ids[k : k + a.sequence_length + 1] for k in range(0, len(ids) - 1, a.sequence_length)]
        with torch.no_grad():
            nats = sum(model.loss(each[None]).item() * (len(each) - 1) for each in windows)
        assert bits == pytest.approx(nats / math.log(2) / len(text.encode()), rel=1e-5)
