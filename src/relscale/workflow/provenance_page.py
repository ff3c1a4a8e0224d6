"""Snakemake's report of an experiment: every job with its parameters, software and figures."""

import subprocess
import sys
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.experiments.config import load_config
from relscale.experiments.results import Results


def make_provenance_page(config: Path) -> Path:
    """Write Snakemake's report of a finished experiment, unless it is newer than all figures and fits.

    Parameters
    ----------
    config
        The experiment's YAML file; the workflow is that of the working folder.

    Raises
    ------
    RelscaleError
        There are no results yet, or Snakemake fails.
    """
    results = Results.of(load_config(config))
    page = results.provenance_page
    files = [
        file for folder in (results.figures, results.fits) for file in folder.rglob("*") if file.is_file()
    ]
    if not files:
        raise RelscaleError(f"{results.folder}: no figures yet; run the experiment first")
    if not page.is_file() or max(file.stat().st_mtime for file in files) > page.stat().st_mtime:
        process = subprocess.run(
            [sys.executable, "-m", "snakemake", f"--configfile={config}", f"--report={page}", "--quiet=all"]
        )
        if process.returncode:
            raise RelscaleError(f"{page}: not written, because Snakemake failed; its error is above")
    return page
