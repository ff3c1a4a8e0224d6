"""From a config that names a data set on the hub to tokens, by the command line, over HTTP."""

import gzip
import json
import os
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.slow

EXPERIMENT = {
    "experiment": "web",
    "sources": {
        "web": {"kind": "hub", "path": "org/text", "held_out": {"validation": 0.1, "test": 0.1}},
    },
    "corpora": {"web": {"source": "web", "tokens": 5000}},
    "vocabulary": {"size": 300, "sample_bytes": 20_000},
    "design": {"recipe": "laptop", "flop_accounting": "training", "budgets": [1e11]},
}

# One process for all commands, which reads the address of the hub when it imports the hub's library.
COMMANDS = """
import json, sys
from relscale.cli import main
for arguments in json.loads(sys.argv[1]):
    if main(arguments):
        sys.exit(1)
"""


def test_a_data_set_of_the_hub_is_pinned_streamed_and_made_into_tokens(hub, tmp_path):
    address, commit = hub
    data = tmp_path / "hub" / "data"
    data.mkdir(parents=True)
    for k in range(3):
        lines = "".join(
            json.dumps({"text": f"page {k} {n} of the web, and so on", "meta": {str(k): n}}) + "\n"
            for n in range(500)
        )
        (data / f"train-{k}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "web.yaml").write_text(yaml.safe_dump(EXPERIMENT))

    results = "results/web"
    commands = [
        ["pin", "web.yaml"],
        ["corpus", "web.yaml", "--source=web", f"--output={results}/corpora/web/documents.parquet"],
        ["vocabulary", "web.yaml", f"--output={results}/vocabulary/tokenizer.json"],
        ["tokenize", "web.yaml", "--corpus=web", f"--output={results}/tokens/web/manifest.json"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=tmp_path,
        env=os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load((tmp_path / "web.pins.yaml").read_text()) == {"dataset": {"org/text": commit}}
    source = json.loads((tmp_path / "results/web/corpora/web/manifest.json").read_text())
    assert source["revision"] == commit
    tokens = json.loads((tmp_path / "results/web/tokens/web/manifest.json").read_text())
    assert tokens["splits"]["train"]["tokens"] >= 5000
    assert all((tmp_path / shard / "train.bin").is_file() for shard in tokens["parts"][0]["shards"])
