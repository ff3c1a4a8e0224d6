"""The engine under the name ``relscale`` in lm-eval::

import lm_eval, relscale.scoring.lm_eval_model
lm_eval.simple_evaluate(model="relscale", model_args={"pretrained": "folder"}, tasks=["hellaswag"])
"""

# First, because lm-eval registers its own models only if no other was registered before.
import lm_eval.models  # noqa: F401
from lm_eval.api.registry import model_registry, register_model

from relscale.scoring.engine import Engine

if "relscale" not in model_registry:
    register_model("relscale")(Engine)
