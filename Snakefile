"""Relative scaling laws, from raw text to figures. See README.md; the stages are in workflow/rules."""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"

if pipeline.trains:

    include: "workflow/rules/corpus.smk"
    include: "workflow/rules/tokenize.smk"
    include: "workflow/rules/train.smk"


if pipeline.scores:

    include: "workflow/rules/score.smk"


include: "workflow/rules/collect.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    input:
        pipeline.all_results(),
    default_target: True
