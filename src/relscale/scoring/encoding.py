"""Encode text as token windows, with the boundaries of lm-eval's ``hf`` model.

The boundary between a context and its continuation changes an item's log-probability by whole nats, so the rules here
are those of lm-eval 0.4.13 (``TemplateLM._encode_pair``, ``HFLM.loglikelihood_rolling``); a test compares the two.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Number of texts per call of the tokenizer: enough for its threads, few enough for memory.
AT_ONCE = 512
SHOWN = 40  # characters of a text in a message
BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # a token of one byte, in vocabularies of other texts
SPACE = "▁"  # as these write a space, also one that they put before a text
# Tokens that an encoder caches for the next model with its vocabulary: about 100 MB.
REMEMBERED = 2_000_000


class Window(NamedTuple):
    """A window: the model reads all tokens but the last and is scored on ``continuation``.

    Attributes
    ----------
    context
        Context tokens, at least one.
    continuation
        The scored tokens, at least one; ``len(context) + len(continuation) <= max_length + 1``.
    cut
        Whether the context lost tokens on its left to fit.
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    cut: bool = False


class Encoder:
    """A tokenizer with a context length and a cache of encoded texts.

    Models that share a vocabulary and a context length share an encoder, so that texts are encoded once.
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
        self._end = _end_token(tokenizer)
        self._known: dict[tuple[str, bool], tuple[int, ...]] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._room = REMEMBERED

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Window]:
        """The windows that score each continuation after its context.

        White space at the end of the context is moved to the continuation; the two are encoded together and split after
        as many tokens as the context alone has. An empty context becomes the prefix token, and so does one of white
        space if the tokenizer puts no token before a text. Tokens that do not fit are cut from the left of the context.
        Equal contexts are the same object.

        Raises
        ------
        RelscaleError
            A continuation has no token of its own, or does not fit even without its context, or the tokenizer ends
            every text with a special token, which would be scored instead of the continuation's first one.
        """
        if pairs and self._end is not None:
            raise RelscaleError(
                f"{self.tokenizer.name_or_path}: the tokenizer ends every text with the token {self._end!r}, which "
                "would be scored instead of an answer's first token; save it without that token (add_eos_token=False)"
            )
        contexts = [(move_spaces(*pair)[0], True) if pair[0] else None for pair in pairs]
        joined = [("".join(pair), bool(pair[0])) for pair in pairs]
        tokens = self._encode(dict.fromkeys([*filter(None, contexts), *joined]))
        return [
            self._fit(pair, *self._split(tokens[both], tokens[context] if context else ()))
            for pair, context, both in zip(pairs, contexts, joined, strict=True)
        ]

    def rolling(self, text: str, context_tokens: int = 0, overlap: float = 0.0) -> list[Window]:
        """The windows that score each token of ``text`` once.

        The first begins with the prefix token; each later one is full and scores only new tokens. An empty text has
        none.

        Parameters
        ----------
        text
            A document.
        context_tokens
            Number of tokens at its start that are context only and never scored.
        overlap
            Share of a full window that overlaps with the previous one; 0 for the disjoint windows of lm-eval.
        """
        tokens = self._encode([(text, True)])[text, True]
        context_tokens += _leading(tokens, self.tokenizer.all_special_ids) if context_tokens else 0
        return list(self._roll(tokens, context_tokens, overlap))

    def scored_bytes(self, text: str, context_tokens: int) -> int:
        """UTF-8 bytes of ``text`` that `rolling` scores: of the tokens after the first ``context_tokens``.

        They are those of the tokens' own texts, because a token may end inside a character, and offsets may lack the
        space before a word. If these do not make up ``text``, as after its normalization, they are those from the
        character on at which what is scored begins.
        """
        if not context_tokens:
            return len(text.encode())
        context, scored = self._context_and_scored(text, context_tokens)
        pieces = self.tokenizer.convert_ids_to_tokens(context + scored)
        added = bool(pieces) and str(pieces[0]).startswith(SPACE) and not text.startswith((" ", SPACE))
        if sum(map(self._size, pieces)) - added * self._size(SPACE) == len(text.encode()):
            return sum(map(self._size, pieces[len(context) :]))
        if self.tokenizer.is_fast:
            return len(text[self.scored_from(text, context_tokens) :].encode())
        return len(str(self.tokenizer.decode(scored)).encode()) if scored else 0

    def scored_from(self, text: str, context_tokens: int) -> int:
        """The character of ``text`` at which what `rolling` scores begins.

        A tokenizer without offsets gives it by the length of what the tokens before it decode to.
        """
        key = text, context_tokens
        if key not in self._starts:
            self._starts[key] = self._scored_from(text, context_tokens) if context_tokens else 0
        return self._starts[key]

    def _scored_from(self, text: str, context_tokens: int) -> int:
        context, scored = self._context_and_scored(text, context_tokens)
        if not scored:
            return len(text)
        if self.tokenizer.is_fast:
            offsets = self.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
            return int(offsets[-len(scored)][0])
        return min(len(str(self.tokenizer.decode(context))), len(text))

    def _size(self, piece: str | bytes) -> int:
        """Bytes of a token, as it is written in the vocabulary."""
        if isinstance(piece, bytes) or self._is_byte_level:
            return len(piece)
        return 1 if BYTE.fullmatch(piece) else len(piece.replace(SPACE, " ").encode())

    @cached_property
    def _is_byte_level(self) -> bool:
        """Whether tokens are written with one character per byte."""
        pieces = self.tokenizer.convert_ids_to_tokens(self.tokenizer.encode("é", add_special_tokens=False))
        return "".join(map(str, pieces)).endswith("Ã©")

    def _context_and_scored(self, text: str, context_tokens: int) -> tuple[list[int], list[int]]:
        tokens = list(self._encode([(text, True)])[text, True])
        leading = _leading(tokens, self.tokenizer.all_special_ids)
        start = leading + context_tokens
        return tokens[leading:start], tokens[start:]

    def _roll(self, tokens: tuple[int, ...], start: int, overlap: float) -> Iterator[Window]:
        # The arithmetic of lm_eval.utils.get_rolling_token_windows with one token of context, followed by
        # make_disjoint_window: a window's context is what precedes its scored tokens, up to a full window.
        size = self.max_length
        step = max(1, size - int(overlap * size))
        text = (self.prefix, *tokens)
        end = size
        while start < len(tokens):
            end = min(max(end, start + step), len(tokens))
            yield Window(text[max(0, end - size) : start + 1], tokens[start:end])
            start = end

    def _split(
        self, tokens: tuple[int, ...], context: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if context:
            return context, tokens[len(context) :]
        if tokens and tokens[0] == self.prefix:
            return tokens[:1], tokens[1:]
        return (self.prefix,), tokens

    def _fit(self, pair: tuple[str, str], context: tuple[int, ...], continuation: tuple[int, ...]) -> Window:
        if not continuation:
            raise RelscaleError(
                f"the answer {pair[1][:SHOWN]!r} has no token after its question {pair[0][-SHOWN:]!r}; check the "
                "task's choices and its target_delimiter"
            )
        room = self.max_length + 1 - len(continuation)
        if room < 1:
            raise RelscaleError(
                f"the answer {pair[1][:SHOWN]!r} of {len(continuation)} tokens does not fit the model's context of "
                f"{self.max_length}; shorten the answers, or score the text as a rolling suite"
            )
        return (
            Window(context[-room:], continuation, True)
            if len(context) > room
            else Window(context, continuation)
        )

    def _encode(self, texts: Iterable[tuple[str, bool]]) -> dict[tuple[str, bool], tuple[int, ...]]:
        """Tokens of each text; the flag selects whether the tokenizer adds its special tokens if the text has none."""
        encoded = {key: self._known[key] for key in texts if key in self._known}
        for adds in (True, False):
            missing = (key for key in texts if key not in encoded and self._adds_special(*key) == adds)
            while batch := list(islice(missing, AT_ONCE)):
                options = {} if adds else {"add_special_tokens": False}
                for key, tokens in zip(
                    batch, self._tokens([text for text, _ in batch], options), strict=True
                ):
                    encoded[key] = tokens
                    self._remember(key, tokens)
        return encoded

    def _tokens(self, texts: list[str], options: dict[str, bool]) -> Iterator[tuple[int, ...]]:
        if self.tokenizer.is_fast:  # all at once, in threads
            yield from map(tuple, self.tokenizer(texts, return_attention_mask=False, **options)["input_ids"])
        else:
            yield from (tuple(self.tokenizer.encode(text, **options)) for text in texts)

    def _adds_special(self, text: str, expected: bool) -> bool:
        return expected and not text.startswith(self._prefix_text)

    def _remember(self, key: tuple[str, bool], tokens: tuple[int, ...]) -> None:
        if len(tokens) <= self._room:
            self._known[key] = tokens
            self._room -= len(tokens)


def _end_token(tokenizer: "PreTrainedTokenizerBase") -> str | None:
    """The special token that a tokenizer puts after every text, if any."""
    tokens, plain = tokenizer.encode("a"), tokenizer.encode("a", add_special_tokens=False)
    ends = len(tokens) > len(plain) and tokens[-1] in tokenizer.all_special_ids and tokens[-1:] != plain[-1:]
    return str(tokenizer.decode(tokens[-1:])) if ends else None


def _leading(tokens: Sequence[int], special: Sequence[int]) -> int:
    """Special tokens that a tokenizer puts before a text."""
    return next((place for place, token in enumerate(tokens) if token not in special), len(tokens))


def move_spaces(context: str, continuation: str) -> tuple[str, str]:
    """Move the white space that ends ``context`` to the front of ``continuation``.

    Vocabularies contain words with a leading space; a context that ends in a space would split them.
    """
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation
