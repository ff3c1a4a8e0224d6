"""Models and data sets of the Hugging Face hub or its local cache, and their current commits."""

import os
from collections.abc import Sequence
from pathlib import Path

from relscale.errors import RelscaleError, first_line

CHANGES_NO_NUMBER = "fetches files of one commit; results that depend on them digest their content"

# Weights, configuration and tokenizer of a model; pickled weights only if they are trusted.
MODEL_FILES = ("*.safetensors", "*.json", "*.model", "*.txt")
PICKLED = "*.bin"


def fetch_model(model: str, revision: str | None, use_safetensors: bool = True) -> Path:
    """Fetch a model; the returned folder is named by its commit.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, and its cache does not have the model.
    """
    files = MODEL_FILES if use_safetensors else (*MODEL_FILES, PICKLED)
    return fetch(model, "model", revision, files, "fetch it where the hub can be reached, or name a folder")


def fetch(repository: str, kind: str, revision: str | None, files: Sequence[str], remedy: str) -> Path:
    """Fetch files of a repository; the returned folder is named by its commit.

    Parameters
    ----------
    repository, kind
        Name of the repository, and its type: ``model`` or ``dataset``.
    revision
        A commit, tag or branch; None for the default branch.
    files
        Patterns of the needed files.
    remedy
        Advice in the error message.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, and its cache does not have the files.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(
            snapshot_download(
                repository, repo_type=kind, revision=revision, allow_patterns=list(files) or None
            )
        )
    except Exception as error:  # no network, no such repository, no permission: each has many classes
        at = f" at revision {revision}" if revision else ""
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise RelscaleError(
            f"cannot fetch {', '.join(files) or 'the files'} of the {kind} {repository}{at}{offline}, and they "
            f"are not in {HF_HUB_CACHE}; {remedy} ({first_line(error)})"
        ) from error


def latest_commit(repository: str, kind: str) -> str:
    """The latest commit of a repository's default branch.

    Parameters
    ----------
    repository, kind
        Name of the repository, and its type: ``model`` or ``dataset``.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, or has no such repository.
    """
    from huggingface_hub import HfApi

    try:
        commit = HfApi().repo_info(repository, repo_type=kind).sha
    except Exception as error:  # as above
        raise RelscaleError(
            f"cannot look up the {kind} {repository} on the hub ({first_line(error)}); "
            "pin it where the hub can be reached"
        ) from error
    return str(commit)
