"""A process that does one thing per line of its input, and answers with a line: several of them can take turns."""

import subprocess
from collections.abc import Mapping, Sequence


class Worker:
    """The process of a command."""

    def __init__(self, command: Sequence[object], environment: Mapping[str, str] | None = None) -> None:
        words = [str(word) for word in command]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, env=environment, stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.questions, self.answers = self.process.stdin, self.process.stdout

    def ask(self, line: str = "") -> None:
        """Have it do something."""
        print(line, file=self.questions, flush=True)

    def answer(self) -> str:
        """Wait for its next line."""
        return self.answers.readline()

    def end(self) -> None:
        """Close its input, and wait for its end."""
        self.process.communicate()
