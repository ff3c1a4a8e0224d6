"""A Slurm of one node: the daemons of this machine's packages, started for a test and stopped after it.

All that it writes lies in one folder, its configuration too, so that no other Slurm is touched.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=86400
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=32 RealMemory=64000 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# Any device files do: nothing opens them, but a GPU without one is not believed.
GPUS = "AutoDetect=off\nName=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its folder, and the environment in which commands find it."""

    folder: Path
    environment: dict[str, str]

    def call(self, *command: object) -> str:
        """What a command of Slurm's prints."""
        found = subprocess.run(
            list(map(str, command)), env=self.environment, text=True, capture_output=True, check=True
        )
        return found.stdout.strip()

    @contextmanager
    def without_controller(self) -> Iterator[None]:
        """No controller answers for a while; jobs run on."""
        pid = int((self.folder / "slurmctld.pid").read_text())
        os.kill(pid, 15)
        _wait(lambda: not (self.folder / "slurmctld.pid").exists(), self.folder)
        yield
        subprocess.run(["slurmctld"], env=self.environment, check=True)


def missing() -> str | None:
    """Why no cluster can be started here, None where one can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"no {', '.join(absent)} here; on Debian: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "slurmd starts jobs as root alone"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster in ``folder``, ready for jobs, and stop it with all that runs on it."""
    for name in ("state", "spool", "commands"):
        (folder / name).mkdir(parents=True)
    ports = dict(zip(("controller_port", "node_port"), _free_ports(2), strict=True))
    host = socket.gethostname().partition(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, host=host, **ports))
    (folder / "gres.conf").write_text(GPUS)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    # The executor plugin keeps no SLURM_CONF for the srun inside a job.
    srun = folder / "commands" / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    environment = os.environ | {
        "SLURM_CONF": str(configuration),
        "PATH": f"{srun.parent}:{os.environ['PATH']}",
    }
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    started = Cluster(folder, environment)
    try:
        for command in (
            ["munged", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket", *munge],
            ["slurmctld", "-c", "-L", folder / "slurmctld.log"],
            ["slurmd", "-L", folder / "slurmd.log"],
        ):
            subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True)
        _wait(lambda: started.call("sinfo", "--noheader", "--format=%T") == "idle", folder)
        yield started
    finally:
        subprocess.run(["scancel", "--me", "--signal=KILL", "--full"], env=environment, check=False)
        for name in ("slurmd.pid", "slurmctld.pid", "munge.pid"):
            if (folder / name).is_file():
                os.kill(int((folder / name).read_text()), 15)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(ready, folder: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            logs = "\n".join(path.read_text()[-2000:] for path in folder.glob("*.log"))
            raise TimeoutError(f"no cluster within {seconds} seconds\n{logs}")
        time.sleep(0.1)
