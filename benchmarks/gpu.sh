#!/usr/bin/env bash
# Speed and memory on one GPU, in at most 6 minutes:
#
#     benchmarks/gpu.sh                # results.json, table.md and log.txt in $OUT, by default build/gpu
#     benchmarks/gpu.sh --tiny         # the same code at a size for any machine, to try it out
#     benchmarks/gpu.sh prepare        # on a machine with a network: what one without a network lacks, into .gpu
#
# The machine needs a CUDA build of torch with transformers, accelerate, safetensors and pyarrow, as images for deep
# learning have them. `prepare` downloads wheels of the rest for Python 3.12 on x86-64, in the versions of this
# environment; and where $RELSCALE_EVALS/mmlu has MMLU's parquet files, it makes the requests of four subjects, without
# which questions of the same shape are made up. Take the folder .gpu along with the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false

if [ "${1:-}" = prepare ]; then
  mkdir -p .gpu
  python - >.gpu/requirements.txt <<'PY'
from importlib.metadata import PackageNotFoundError, version

NAMES = """lightning-fabric pydantic pydantic-core annotated-types typing-inspection lm-eval datasets dill multiprocess
chardet zstandard liger-kernel"""
for name in NAMES.split():
    try:
        print(f"{name}=={version(name)}")
    except PackageNotFoundError:
        print(name)
PY
  python -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    -d .gpu/wheels -r .gpu/requirements.txt
  if [ -d "${RELSCALE_EVALS:-}/mmlu" ]; then
    rm -rf .gpu/mmlu
    PYTHONPATH=src:benchmarks python - "$RELSCALE_EVALS/mmlu" <<'PY'
import sys
from pathlib import Path

from scoring import SUBJECTS

from relscale.scoring.options import Suite
from relscale.scoring.suite import prepare_suite

options = {"data": sys.argv[1], "subjects": SUBJECTS, "forms": ["cloze"]}
prepare_suite("mmlu", Suite.model_validate(options), [], Path(".gpu/mmlu"), seed=0)
PY
  fi
  du -sh .gpu
  exit
fi

python=$(command -v python3)
if [ -d .gpu/wheels ] && [ "$("$python" -c 'import sys; print(*sys.version_info[:2])')" = "3 12" ]; then
  site=$(mktemp -d)
  trap 'rm -rf "$site"' EXIT
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$site" .gpu/wheels/*.whl
fi
PYTHONPATH=src:benchmarks:${site:-}:${PYTHONPATH:-} "$python" benchmarks/gpu.py --output "${OUT:-build/gpu}" "$@"
