"""The command ``relscale`` in a process that has imported what it needs: a fork per command, none of its start-up.

A folder of the search path has a ``relscale`` that hands its arguments, streams, folder and environment to a server and
ends with the status that it gets. The code that runs is that of the command line; what is saved is the import of torch,
transformers and lm-eval for each of the workflow's jobs. Each folder of sources has a server of its own, which imports
the libraries of a verb when that is first asked for. It ends with the process that started it. Given ``-m snakemake``
in place of a verb, the command is the Snakemake inside a job.

What concerns processes (signals, the end of Snakemake, trainings on Slurm) is tried with the real command.
"""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"-"], [0, 1, 2])
    asked = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    server.sendall(json.dumps(asked).encode())
    server.shutdown(socket.SHUT_WR)
    status = server.recv(16)
sys.exit(int(status) if status else 137)
"""
SERVER = """
import gc, importlib, json, os, runpy, shutil, socket, sys, threading, time
from relscale.cli import GC_THRESHOLDS, main, parsers
gc.set_threshold(*GC_THRESHOLDS)
from imported_early import PARQUET, PLOTLY, import_all, read_configs, run_snakemake
import kept_digests

LIBRARIES = {
    "train": ("relscale.training.job", "relscale.training.run", "relscale.training.progress"),
    "suite": ("relscale.scoring.suite", "relscale.scoring.requests", "lm_eval.tasks", "datasets"),
    "score": (
        *("relscale.scoring.job", "relscale.scoring.score", "relscale.scoring.engine", "lm_eval.api.metrics"),
        "transformers.models.qwen3.modeling_qwen3",
    ),
    "collect": ("relscale.measurements.collect",),
    "fit": ("relscale.fitting.fit", "scipy.stats", "pyarrow.dataset"),
    "plot": ("relscale.figures.plot", "relscale.figures.data", "relscale.figures.chart", *PLOTLY),
    "report": ("relscale.report.page", "relscale.report.report_data", *PLOTLY),
}


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(os.path.dirname(address), ignore_errors=True)
    os._exit(0)


def reap():
    try:
        while ended := os.waitpid(-1, os.WNOHANG)[0]:
            kept_digests.learn(f"{address}.{ended}")
    except ChildProcessError:
        pass


def run(asked, streams):
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.argv = ["relscale", *asked["arguments"]]
    try:
        if sys.argv[1:2] == ["-m"]:
            sys.argv[:2] = []
            sys.executable = os.environ.get("PYTHON_COMMAND", sys.executable)  # which starts the next
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = main()
    except SystemExit as end:
        code = end.code
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


parsers()  # which imports the commands
import_all(PARQUET)
read_configs()

address, parent = sys.argv[1], int(sys.argv[2])
threading.Thread(target=end_with, args=[parent], daemon=True).start()
listening = socket.socket(socket.AF_UNIX)
listening.bind(address)
listening.listen()
print("ready", flush=True)
while True:
    asking, _ = listening.accept()
    reap()
    _, streams, _, _ = socket.recv_fds(asking, 1, 3)
    with asking.makefile("rb") as file:
        asked = json.loads(file.read())
    verb = (asked["arguments"] or [""])[0]
    import_all(LIBRARIES.get(verb, ()))
    if verb == "-m":
        run_snakemake()
    if verb == "plot":
        importlib.import_module("relscale.figures.page")._packed_library()
    gc.freeze()  # a fork does not search it for garbage
    if not os.fork():
        listening.close()
        code = 1
        try:
            code = run(asked, streams)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            kept_digests.tell(f"{address}.{os.getpid()}")
            asking.sendall(str(code).encode())
            os._exit(code)
    for stream in streams:
        os.close(stream)
    asking.close()
"""


@functools.cache
def folder_of_command(source: str) -> str:
    """A folder that has ``relscale``, for the head of a search path; the package is that in ``source``."""
    folder = Path(tempfile.mkdtemp(prefix="relscale-"))
    address = str(folder / "server")
    command = folder / "bin" / "relscale"
    command.parent.mkdir()
    command.write_text(COMMAND.format(python=sys.executable, address=address))
    command.chmod(0o755)
    path = os.pathsep.join([source, str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path, "HOME": str(folder / "home")}
    started = subprocess.Popen(
        [sys.executable, "-c", SERVER, address, str(os.getpid())],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return str(command.parent)
