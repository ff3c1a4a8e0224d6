"""Solved examples before a question: those that lm-eval draws, except the question itself.

lm-eval excludes a question from its own examples only if both come from the same named split. A local file that is
every split, or a data set with a question in two splits, would put the answer into the prompt. In this case
the example is replaced by another; all other prompts are identical to lm-eval's. If no other example is left, a
task whose examples are its test documents is refused; a task with a few examples in both splits, such as MMLU
with five examples per subject, is scored as in lm-eval, with a message.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from relscale.provenance import digest

if TYPE_CHECKING:
    from lm_eval.api.task import ConfigurableTask

Document = dict[str, Any]


class SolvedExamples:
    """The few-shot examples of one task, whose sampler this class replaces.

    Attributes
    ----------
    replaced
        Number of questions with a replaced example.
    kept
        Number of questions among their own examples, because there are no others.
    """

    def __init__(self, task: "ConfigurableTask"):
        self.replaced = self.kept = 0
        self._task = task
        self._asked: Document | None = None
        self._known: dict[int, str | None] = {}  # by the id() of an example, which the sampler keeps alive
        if getattr(task, "sampler", None) is not None:
            self._draw: Callable[..., Sequence[Document]] = task.sampler.sample
            self._context: Callable[..., Any] = task.fewshot_context
            task.sampler.sample = self._sample
            task.fewshot_context = self._fewshot_context

    def _fewshot_context(self, doc: Document, *arguments: Any, **options: Any) -> Any:
        self._asked = doc
        return self._context(doc, *arguments, **options)

    def _sample(self, n: int, *arguments: Any, **options: Any) -> Sequence[Document]:
        n_documents = len(self._task.sampler.df)
        if n > n_documents:
            raise ValueError(
                f"num_fewshot is {n}, but there are {n_documents} documents to draw examples from"
            )
        drawn = list(self._draw(n, *arguments, **options))
        document = self._asked
        if document is None:
            return drawn
        question = self._question(document)
        wrong = [place for place, example in enumerate(drawn) if self._same(example, document, question)]
        if not wrong:
            return drawn
        taken = {id(example) for example in drawn}
        others = [
            example
            for example in self._task.sampler.df
            if id(example) not in taken and not self._same(example, document, question)
        ]
        if len(others) >= len(wrong):
            self.replaced += 1
            in_order = self._task.config.fewshot_config.sampler == "first_n"
            replacements = (
                others[: len(wrong)] if in_order else Random(digest(document)).sample(others, len(wrong))
            )
            for place, example in zip(wrong, replacements, strict=True):
                drawn[place] = example
        elif self._alike:
            raise ValueError(
                f"its {n} examples would come from its {n_documents} test documents, and too few remain "
                "without the question itself; give separate examples, as data: {task: {test: file, train: file}}, or "
                "set num_fewshot to 0"
            )
        else:
            self.kept += 1
        return drawn

    @cached_property
    def _alike(self) -> bool:
        """Whether most test documents are among the documents that examples are drawn from."""
        pool = {digest(example) for example in self._task.sampler.df}
        pool |= {str(self._question(example)) for example in self._task.sampler.df}
        task_documents = list(self._task.task_docs)
        return 2 * sum(
            digest(doc) in pool or str(self._question(doc)) in pool for doc in task_documents
        ) > len(task_documents)

    def _same(self, example: Document, document: Document, question: str | None) -> bool:
        if example == document:
            return True
        if id(example) not in self._known:
            self._known[id(example)] = self._question(example)
        return question is not None and self._known[id(example)] == question

    def _question(self, doc: Document) -> str | None:
        """The question and right answer of a document, which identify it better than its id; None without one."""
        task = self._task
        try:
            choices = task.doc_to_choice(doc) if task.config.doc_to_choice is not None else None
            text = choices if task.multiple_input else task.doc_to_text(doc)
            right = task.doc_to_target(doc)
            if choices is not None and isinstance(right, int) and not isinstance(right, bool):
                right = choices[right]
        except Exception:  # the template may not fit a document of another split
            return None
        if isinstance(text, str) and not text.strip():  # documents with equal answers would be the same
            return None
        return digest([text, right])
