"""Progress of a workflow, stage by stage, and the remaining time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STAGES = {  # display name by rule, in the order in which they run
    "corpus": "corpus",
    "vocabulary": "vocabulary",
    "tokenize": "tokens",
    "suite": "suites",
    "train": "train",
    "score": "score",
    "collect": "collect",
    "fit": "fit",
    "plot": "figures",
    "write_report": "report",
}
TYPICAL = {  # seconds of a job before the first has finished
    "corpus": 8.0,
    "vocabulary": 5.0,
    "tokenize": 5.0,
    "suite": 4.0,
    "collect": 8.0,
    "fit": 25.0,
    "plot": 4.0,
    "write_report": 5.0,
}
SCORING = 0.25  # time of scoring as a share of training, before the first job has finished
SECONDS = 10.0  # of a job of any other rule


@dataclass
class Stage:
    """The jobs of one rule.

    Attributes
    ----------
    rule, jobs
        The rule, and its number of jobs.
    expected
        Expected seconds of all of them in sequence, by the plan.
    running
        Start time of each running job, by its number.
    seconds
        Duration of each finished job.
    """

    rule: str
    jobs: int
    expected: float | None = None
    running: dict[int, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name for readers."""
        return STAGES.get(self.rule, self.rule)

    @property
    def done(self) -> int:
        """Number of successful jobs."""
        return len(self.seconds)

    @property
    def is_done(self) -> bool:
        """Whether all jobs were successful."""
        return self.done >= self.jobs

    def left(self, now: float, training: float) -> float:
        """Expected seconds of the remaining jobs in sequence; ``training`` is the time of all training runs."""
        if self.is_done:
            return 0.0
        seconds = self._job_seconds(training)
        spent = sum(min(now - began, 0.95 * seconds) for began in self.running.values())
        return max((self.jobs - self.done) * seconds - spent, 0.0)

    def _job_seconds(self, training: float) -> float:
        """Expected seconds of a job: from finished jobs, else from the plan, else typical."""
        if self.seconds:
            return sum(self.seconds) / len(self.seconds)
        if self.expected is not None:
            return self.expected / self.jobs
        if self.rule == "score":
            return SCORING * training / self.jobs if training else SECONDS
        return TYPICAL.get(self.rule, SECONDS)


class WorkflowProgress:
    """All stages of a run."""

    def __init__(self, processors: int, expected: Mapping[str, float] | None = None) -> None:
        """``expected`` are seconds by rule, from the plan."""
        self.processors = max(1, processors)
        self.expected = dict(expected or {})
        self.stages: dict[str, Stage] = {}
        self._rule: dict[int, str] = {}

    def plan(self, jobs: Mapping[str, int]) -> None:
        """Set the number of jobs of each rule; rules that are not stages are ignored."""
        known = sorted((rule for rule in jobs if rule in STAGES), key=list(STAGES).index)
        self.stages = {rule: Stage(rule, jobs[rule], self.expected.get(rule)) for rule in known}

    def start(self, job: int, rule: str, now: float) -> None:
        """Record the start of a job."""
        self._rule[job] = rule
        if rule in self.stages:
            self.stages[rule].running[job] = now

    def finish(self, job: int, now: float) -> Stage | None:
        """Record the success of a job; returns its stage if this was the last job."""
        stage = self.stages.get(self._rule.get(job, ""))
        if stage is None or job not in stage.running:
            return None
        stage.seconds.append(now - stage.running.pop(job))
        return stage if stage.is_done else None

    def fail(self, job: int) -> None:
        """Record the failure of a job."""
        stage = self.stages.get(self._rule.get(job, ""))
        if stage is not None:
            stage.running.pop(job, None)

    @property
    def is_done(self) -> bool:
        """Whether all stages are done."""
        return bool(self.stages) and all(stage.is_done for stage in self.stages.values())

    def seconds_left(self, now: float) -> float:
        """Expected seconds until the report: jobs of a stage run in parallel, stages in sequence."""
        train = self.stages.get("train")
        training = 0.0
        if train is not None:
            training = train.left(now, 0.0) + sum(train.seconds)
        return sum(
            stage.left(now, training) / min(self.processors, max(1, stage.jobs - stage.done))
            for stage in self.stages.values()
        )


def duration(seconds: float) -> str:
    """A duration in words: ``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{max(1, minutes)} min"
    return f"{minutes // 60} h {minutes % 60} min"


def clock(seconds: float) -> str:
    """An elapsed time: ``0:07``, ``12:40``, ``2:05:09``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


expected_seconds: dict[str, float] = {}
"""Expected seconds of all jobs by rule, by the plan of this process's workflow; set by the Snakefile."""
