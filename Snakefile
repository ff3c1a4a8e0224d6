"""Relative scaling laws, from raw text to figures. See README.md; the stages are in workflow/rules."""

import os

from snakemake.utils import min_version

from relscale.commands.report import headline_text

min_version("9.27")


include: "workflow/rules/common.smk"

if pipeline.training:

    include: "workflow/rules/corpus.smk"
    include: "workflow/rules/tokenize.smk"
    include: "workflow/rules/train.smk"


if pipeline.scoring:

    include: "workflow/rules/score.smk"


include: "workflow/rules/collect.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


onsuccess:
    remove_leftovers(results.folder, Path(experiment.store))
    if "RELSCALE_RUN" not in os.environ and results.report.is_file():  # absent if only some targets were requested
        logger.info(headline_text(results.config), extra={"for_readers": True})


rule all:
    input:
        pipeline.all_results(),
    default_target: True
