"""Logging of a run's curve during training, by one of Lightning's loggers, named by ``training.logger``.

The curve of a finished run is in ``curve.parquet``, whichever logger is used.
"""

from pathlib import Path
from typing import Any, cast

from relscale.design.run import Run, run_to_dict
from relscale.training.fabric import CSVLogger, Logger, TensorBoardLogger

CHANGES_NO_NUMBER = "logs the curve, which is also in the result"


def metrics_logger(name: str, run: Run, key: str, unfinished: Path, logs: Path) -> Logger:
    """The logger of a run.

    Parameters
    ----------
    name
        ``csv``: ``metrics.csv`` beside the training's state, deleted with it when the run is done. ``tensorboard``:
        event files in ``logs/<run>``. ``wandb``: a run of the project ``relscale`` of Weights & Biases, with its files
        in ``logs``.
    run, key
        The run and its key, which identifies it when it is resumed.
    unfinished
        The folder of the training's state.
    logs
        Folder of persistent logs.
    """
    if name == "csv":
        return CSVLogger(unfinished, name="logs", flush_logs_every_n_steps=1)
    if name == "tensorboard":
        logger: Any = TensorBoardLogger(logs, name=run.name, version=key)
    else:
        from lightning.pytorch.loggers import WandbLogger

        logs.mkdir(parents=True, exist_ok=True)
        logger = WandbLogger(project="relscale", name=run.name, id=key, save_dir=logs)
    logger.log_hyperparams(run_to_dict(run))
    return cast(Logger, logger)
