"""A training that compiles nothing does not import torch's compiler, and one that does still finds it."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys

import torch

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.optimizers import optimizers
from relscale.training.batch_gradient import accumulate_gradients, clip_gradients

for optimizer in optimizers():
    shape = architecture(8, 16, 64)
    model = DistributedModel(Decoder(shape), hyperparameters(optimizer, shape, 1), launch())
    accumulate_gradients(model, [torch.randint(64, (1, 17))], 1)
    clip_gradients(model, 1.0)
    model.optimizer.step()
    model.optimizer.zero_grad()
    model.load_state_dict(model.state_dict())
assert not [name for name in sys.modules if name.startswith(("torch._dynamo", "torchmetrics"))]

from lightning_fabric.wrappers import _unwrap_compiled

layer = torch.nn.Linear(2, 2)
assert _unwrap_compiled(layer) == (layer, None)
compiled = torch.compile(layer, backend="eager")
assert "torch._dynamo" in sys.modules
assert _unwrap_compiled(compiled)[0] is layer
assert _unwrap_compiled(layer) == (layer, None)
"""


@pytest.mark.slow
def test_the_compiler_is_imported_when_something_is_compiled_and_recognised_then():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
