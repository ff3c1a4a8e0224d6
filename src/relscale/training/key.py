"""The key of a trained run: a digest of all its dependencies, used as its folder name in the store."""

from pathlib import Path

from relscale.design.run import Run, run_to_dict
from relscale.errors import RelscaleError
from relscale.provenance import code_digest, digest
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.training.numerical_path import numerical_path
from relscale.training.optimizers import optimizer_module
from relscale.training.options import Training
from relscale.training.precision import choose_precision

CHANGES_NO_NUMBER = "names a run; another name changes the key itself"


def run_key(run: Run, tokens_digest: str, options: Training) -> str:
    """Digest of all dependencies of a run's numbers: design and seed, tokens, training options and code.

    The code is that of ``relscale.training.run``, with all that it imports, and of the one optimizer that the run
    uses; the versions of the libraries behind both; the kind of device and the kernels. The job that a run belongs to,
    and its other runs, do not count.

    Parameters
    ----------
    run
        The run.
    tokens_digest
        From ``tokens_digest``.
    options
        The config's section ``training``; options that cannot change numbers are excluded: ``job``,
        ``max_epochs``, ``save_every``, and the devices with their micro-batch. ``threads`` counts where the
        kernels depend on it.
    """
    later = {
        name: section.model_dump(exclude={"epsilon"})
        for name, section in (("adaptive_batch", options.adaptive_batch), ("branches", options.branches))
        if section
    }
    return digest(
        {
            "run": run_to_dict(run),
            "tokens": tokens_digest,
            "precision": choose_precision(options, run.architecture.hidden_size),
            "validation": [options.validation_tokens, options.validation_points],
            "compile": options.compile,
            "checkpoints": sorted(options.checkpoints),
            "noise_scale": options.noise_scale.model_dump() if options.noise_scale else None,
            "path": numerical_path(options.threads, options.compile),
            "code": code_digest("relscale.training.run", optimizer_module(run.hyperparameters.optimizer)),
            **later,
        }
    )


def tokens_digest(tokens: Path) -> str:
    """Digest of a token store and its vocabulary, from the digests in its manifest.

    Raises
    ------
    RelscaleError
        There is no manifest.
    """
    path = tokens / STORE_FILE
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; build the store with `relscale tokenize`")
    manifest = StoreManifest.read(path)
    return digest([manifest.sha256, manifest.vocabulary])
