"""Text to token windows, with the boundaries of lm-eval's ``hf`` model.

Where a context ends and its continuation begins changes an item's log-probability by whole nats, so the rules here are
those of lm-eval 0.4.13 (``TemplateLM._encode_pair``, ``HFLM.loglikelihood_rolling``) and a test holds them together.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Window(NamedTuple):
    """What the model sees at once: it reads all tokens but the last and is scored on ``continuation``.

    Attributes
    ----------
    context
        At least one token. Windows of one request share this object, so that equal contexts are cheap to find.
    continuation
        The scored tokens, at least one; ``len(context) + len(continuation) <= max_length + 1``.
    cut
        Whether the context lost tokens on its left to fit.
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    cut: bool = False


class Encoder:
    """A tokenizer together with a context length, remembering what it has encoded.

    Models that share a vocabulary and a context length share an encoder, and with it the work.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", max_length: int):
        self.tokenizer = tokenizer
        self.max_length = max_length
        prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        if prefix is None:
            raise RelscaleError(
                f"{tokenizer.name_or_path}: the tokenizer has neither a beginning-of-text nor an end-of-text token"
            )
        self.prefix: int = prefix
        self._prefix_text = str(tokenizer.decode([prefix]))
        self._contexts: dict[str, tuple[int, ...]] = {}
        self._pairs: dict[tuple[str, str], Window] = {}
        self._texts: dict[str, list[Window]] = {}

    def pair(self, context: str, continuation: str) -> Window:
        """The window that scores ``continuation`` after ``context``.

        Spaces that end the context are moved to the continuation; the two are encoded together and split after as many
        tokens as the context has alone. An empty context becomes the prefix token. What does not fit is cut from the
        left of the context.

        Raises
        ------
        RelscaleError
            The continuation has no token of its own, or does not fit even alone.
        """
        key = (context, continuation)
        if key not in self._pairs:
            self._pairs[key] = self._fit(*self._split(*move_spaces(context, continuation)))
        return self._pairs[key]

    def rolling(self, text: str) -> list[Window]:
        """The windows that score each token of ``text`` once.

        The first begins with the prefix token; each later one is full and scores only what is new. An empty text has
        none.
        """
        if text not in self._texts:
            self._texts[text] = list(self._roll(self._encode(text)))
        return self._texts[text]

    def _roll(self, tokens: list[int]) -> list[Window]:
        # The arithmetic of lm_eval.utils.get_rolling_token_windows with one token of context, followed by
        # make_disjoint_window: a window's context is what precedes its scored tokens, up to a full window.
        size = self.max_length
        windows = [Window((self.prefix,), tuple(tokens[:size]))] if tokens else []
        for start in range(size, len(tokens), size):
            end = min(start + size, len(tokens))
            windows.append(Window(tuple(tokens[end - size - 1 : start]), tuple(tokens[start:end])))
        return windows

    def _split(self, context: str, continuation: str) -> tuple[tuple[int, ...], list[int]]:
        if not context:
            tokens = self._encode(continuation, add_special_tokens=False)
            if tokens and tokens[0] == self.prefix:
                return tuple(tokens[:1]), tokens[1:]
            return (self.prefix,), tokens
        if context not in self._contexts:
            self._contexts[context] = tuple(self._encode(context))
        head = self._contexts[context]
        return head, self._encode(context + continuation)[len(head) :]

    def _fit(self, context: tuple[int, ...], continuation: list[int]) -> Window:
        if not continuation:
            raise RelscaleError(
                "a continuation has no token of its own after its context; check the task's delimiter"
            )
        room = self.max_length + 1 - len(continuation)
        if room < 1:
            raise RelscaleError(
                f"a continuation of {len(continuation)} tokens does not fit the model's context of {self.max_length}; "
                "shorten the answers, or score the text as a rolling suite"
            )
        return Window(context[-room:], tuple(continuation), len(context) > room)

    def _encode(self, text: str, **options: Any) -> list[int]:
        if not options and text.startswith(self._prefix_text):
            options = {"add_special_tokens": False}
        return list(self.tokenizer.encode(text, **options))


def move_spaces(context: str, continuation: str) -> tuple[str, str]:
    """Move the white space that ends ``context`` to the front of ``continuation``.

    Vocabularies hold words with the space before them; a context that ends in one would split them.
    """
    kept = context.rstrip()
    return (kept, context[len(kept) :] + continuation) if kept else (context, continuation)
