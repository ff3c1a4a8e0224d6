"""Supported lm-eval tasks: those that need only the probability of given text."""

import io
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError, first_line

SCORED = ("multiple_choice", "loglikelihood", "loglikelihood_rolling")


def unsupported(config: Mapping[str, Any], path: Path | None) -> str | None:
    """Reason why relscale cannot score a task of lm-eval, as the rest of a sentence; None if it can."""
    if "class" in config:
        return "is a Python class, and only YAML tasks are scored"
    kind = config.get("output_type", "generate_until")
    if kind not in SCORED:
        return f"generates text (output_type {kind}), and only tasks with given answers are scored"
    if config.get("doc_to_image") is not None or config.get("doc_to_audio") is not None:
        return "shows images or plays sound"
    if config.get("unsafe_code"):
        return "runs code that it calls unsafe"
    if config.get("use_prompt") is not None:
        return "takes its prompts from promptsource"
    try:
        with redirect_stderr(io.StringIO()):
            if path is not None:
                from relscale.scoring.lm_eval_tasks import load_yaml

                load_yaml(path)  # imports the named functions
    except ImportError as error:
        return f"needs a module that is not installed here ({first_line(error)})"
    except RelscaleError:
        raise
    except Exception as error:  # any exception of a task's own module, or a function that it does not have
        return f"cannot be loaded ({type(error).__name__}: {first_line(error)})"
    return None


def exclusion_message(suite: str, task: str, reason: str) -> str:
    """Message about a task that is not scored, with a reason from `unsupported`."""
    return f"suite {suite}: task {task} is excluded: it {reason}"
