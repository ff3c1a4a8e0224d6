"""Snakemake in a process that has imported it and the package: a fork per command, a third of the time of a dry run.

The code that runs is that of the command line; what is saved is two seconds of imports. Each folder of sources has a
process of its own, which also keeps the digests of its code (`kept_digests`). It ends with the one that asks.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = str(Path(__file__).parent)
SERVER = """
import atexit, gc, json, os, sys, tempfile, threading
from relscale.cli import GC_THRESHOLDS
gc.set_threshold(*GC_THRESHOLDS)
import snakemake.cli, snakemake.report.html_reporter
from imported_early import run_snakemake
import kept_digests
run_snakemake()
learnt = os.path.join(tempfile.mkdtemp(), "digests")
gc.freeze()  # what is imported is not searched for garbage in each fork, nor taken down at its end
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        for number, path in ((1, asked["stdout"]), (2, asked["stderr"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["snakemake", *asked["arguments"]]
        code = 1
        try:
            snakemake.cli.main()
        except SystemExit as end:
            code = end.code or 0
            if not isinstance(code, int):
                print(code, file=sys.stderr)
                code = 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        kept_digests.tell(learnt)
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kept_digests.learn(learnt)
    print(code, flush=True)
os.rmdir(os.path.dirname(learnt))
"""


@functools.cache
def server(source: str) -> subprocess.Popen[str]:
    """The process that has imported Snakemake and the package in ``source``."""
    started = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env={"PYTHONPATH": os.pathsep.join([source, HERE]), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def snakemake(
    arguments: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run ``snakemake ARGUMENTS`` in a folder; the package is that of ``PYTHONPATH``."""
    process = server(environment["PYTHONPATH"])
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as written:
        out, err = (Path(written, name) for name in ("stdout", "stderr"))
        asked = {"arguments": arguments, "folder": str(folder), "environment": dict(environment)}
        print(json.dumps(asked | {"stdout": str(out), "stderr": str(err)}), file=process.stdin, flush=True)
        code = int(process.stdout.readline())
        return subprocess.CompletedProcess(["snakemake", *arguments], code, out.read_text(), err.read_text())
