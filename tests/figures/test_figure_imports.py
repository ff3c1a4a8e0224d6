"""Figures draw what is in tables: none loads a library that computes, which each process of a figure would wait for."""

import subprocess
import sys

import pytest

PROGRAM = """
import importlib
import sys

import relscale.commands.plot
import relscale.figures.data
import relscale.studies.critical_batches
from relscale.figures.registry import figures

for figure in figures().values():
    importlib.import_module(figure.module)
    loaded = {"scipy", "torch", "transformers", "pandas"} & sys.modules.keys()
    assert not loaded, f"{figure.name} imports {loaded}"
"""


@pytest.mark.slow
def test_no_figure_imports_a_library_that_computes():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
