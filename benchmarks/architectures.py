"""Every architecture of transformers that can be built tiny, scored by relscale and by stock lm-eval (``--model hf``).

    python benchmarks/architectures.py                # all of them, to docs/reference/architectures.md
    python benchmarks/architectures.py mistral opt    # these, printed only

A random model of each causal language model class, with some tens of thousands of parameters, a context of 160
tokens and windows of 16 or 64; and variants for features that the defaults lack: windows, chunks, rotary embeddings
that depend on the length of a text, experts, recurrent layers, vision models, encoders. Each scores four kinds of
requests, and every item is compared with the stock harness at batch size 1: short questions, long questions after
solved examples, short questions with some long answers, and whole documents.

Takes minutes of one core; its page is docs/reference/architectures.md.
"""

import contextlib
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from command_line import command_line
from tiny_models import byte_level_tokenizer

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "architectures.md"
VOCABULARY, CONTEXT = 400, 160
LARGEST = 15_000_000  # parameters; what cannot be made smaller than this is left out
ENDS = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
# The sizes of a tiny model, by every name that a configuration has for them.
SIZES = {
    "vocab_size vocab_size_per_layer_input": VOCABULARY,
    "hidden_size d_model n_embd n_embed embedding_size word_embed_proj_dim attention_hidden_size lru_width": 32,
    "num_hidden_layers num_layers n_layer n_layers decoder_layers": 2,
    "num_attention_heads n_head n_heads num_heads decoder_attention_heads attn_heads": 4,
    "num_key_value_heads num_kv_heads": 2,
    "head_dim attention_head_dim kv_channels": 8,
    "intermediate_size n_inner ffn_dim d_ff dff d_inner decoder_ffn_dim ffn_hidden_size": 48,
    "moe_intermediate_size shared_expert_intermediate_size": 16,
    "num_experts n_routed_experts num_local_experts moe_num_experts": 4,
    "num_experts_per_tok moe_topk top_k moe_k": 2,
    "n_group topk_group n_shared_experts num_shared_experts moe_num_shared_experts": 1,
    "q_lora_rank kv_lora_rank o_lora_rank": 16,
    "qk_rope_head_dim qk_nope_head_dim v_head_dim": 8,
    "o_groups": 2,
    "max_position_embeddings n_positions n_ctx max_seq_len max_target_positions": CONTEXT,
    "sliding_window sliding_window_size window_size attention_window_size attention_chunk_size local_attention": 16,
    "state_size mamba_d_state ssm_state_size mamba_n_heads mamba_d_head mamba_num_heads mamba_head_dim": 8,
    "n_groups mamba_n_groups first_k_dense_replace num_dense_layers": 1,
    "mamba_d_ssm": 64,
    "expand altup_num_inputs": 2,
    "linear_num_key_heads index_n_heads": 2,
    "linear_num_value_heads time_step_rank": 4,
    "linear_key_head_dim linear_value_head_dim laurel_rank rotary_dim hidden_size_per_layer_input": 8,
    "index_topk index_head_dim": 16,
    "num_kv_shared_layers": 0,
}
TINY = {name: size for names, size in SIZES.items() for name in names.split()} | ENDS


@dataclass(frozen=True)
class Case:
    """One model: what it is called, and how it is built."""

    name: str
    build: Callable[[], Any]


@dataclass(frozen=True)
class Outcome:
    """One model's row: items held against the stock harness, the largest difference of any, and what was said."""

    name: str
    items: int
    difference: float
    shortcuts: str
    status: str

    @property
    def holds(self) -> bool:
        """Whether every item is the stock harness's, or the model was refused."""
        return self.status == "agrees" or self.status.startswith(("refused", "not built"))


def tiny_config(model_type: str, text: dict[str, Any] | None = None, **own: Any) -> Any:
    """A configuration of a model type with tiny sizes where it has them; ``text`` goes to the part that reads text."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = CONFIG_MAPPING[model_type]
    known = kind().to_dict()
    sizes = _sizes(known, set(getattr(kind, "attribute_map", {}))) | ENDS
    for part in ("text_config", "vision_config"):
        if isinstance(known.get(part), dict):
            sizes[part] = _sizes(known[part], set())
    if isinstance(sizes.get("vision_config"), dict):
        sizes["vision_config"].pop("vocab_size", None)
    if text:
        sizes["text_config"] |= text
    return kind(**{**sizes, **own})


def _sizes(known: dict[str, Any], aliases: set[str]) -> dict[str, Any]:
    sizes = {
        name: size
        for name, size in TINY.items()
        if name not in aliases and isinstance(known.get(name), int) and not isinstance(known[name], bool)
    }
    if "kv_lora_rank" in known:  # latent attention has its own sizes of a head, and no grouped queries
        sizes.pop("head_dim", None)
        sizes["num_key_value_heads"] = TINY["num_attention_heads"]
    return sizes


def tiny_model(config: Any, kind: Any = None, spread: float = 0.2) -> Any:
    """A random model, with weights so spread that a wrong position or a wrong neighbour shows."""
    import torch
    from transformers import AutoModelForCausalLM

    make = partial(AutoModelForCausalLM.from_config, config) if kind is None else partial(kind, config)
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in make().parameters())
    if size > LARGEST:
        raise ValueError(f"{size:,} parameters")
    torch.manual_seed(0)
    model = make().eval()
    built = {name: each.detach().clone() for name, each in model.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=spread)
        tokens = torch.randint(1, VOCABULARY, (1, 20))
        if (
            kind is None and not model(tokens).logits.isfinite().all()
        ):  # a recurrence that grows: as it was made
            for name, parameter in model.named_parameters():
                parameter.copy_(built[name])
    return model


def variant(name: str, model_type: str, **own: Any) -> Case:
    """A tiny model of a type, with other options than the type's defaults if given."""
    return Case(name, lambda: tiny_model(tiny_config(model_type, **own)))


def longrope(factor: float = 4.0) -> dict[str, Any]:
    """Rotary frequencies that are stretched where a text, or its batch, is longer than 48 tokens."""
    return {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "factor": factor,
        "short_factor": [1.0] * 4,
        "long_factor": [factor] * 4,
        "original_max_position_embeddings": 48,
    }


HYBRID = ["linear_attention", "linear_attention", "linear_attention", "full_attention"]
SLIDING = ["sliding_attention", "full_attention"]
# What a model type needs beside its tiny sizes.
OWN: dict[str, dict[str, Any]] = {
    "qwen3_next": {"num_hidden_layers": 4, "layer_types": HYBRID},
    "qwen3_5_text": {"num_hidden_layers": 4, "layer_types": HYBRID},
    "qwen3_5_moe_text": {"num_hidden_layers": 4, "layer_types": HYBRID},
    "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "mamba2": {"num_heads": 8, "head_dim": 8, "expand": 2},
    "nemotron": {"num_key_value_heads": 4, "head_dim": 8},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "ministral": {"head_dim": 8},
    "reformer": {"is_decoder": True, "axial_pos_embds": False, "attn_layers": ["local", "local"]},
    "jamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 4},
    "recurrent_gemma": {"num_hidden_layers": 3, "block_types": ["recurrent", "recurrent", "attention"]},
    "bamba": {"num_hidden_layers": 4, "attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"num_hidden_layers": 4, "layer_types": ["mamba", "attention", "mamba", "attention"]},
    "ernie4_5_moe": {"moe_k": 2, "moe_num_experts": 8},
    "bailing_hybrid": {"num_hidden_layers": 4, "layer_group_size": 2},
    "kimi_linear": {"num_hidden_layers": 4},
    "lfm2_moe": {"num_hidden_layers": 4, "layer_types": ["conv", "full_attention"] * 2},
    "lfm3": {"num_hidden_layers": 4},
    "qwen4_exp_text": {"num_hidden_layers": 4},
    "qwen3_5": {"text": {"num_hidden_layers": 4, "layer_types": HYBRID}},
    "qwen3_5_moe": {"text": {"num_hidden_layers": 4, "layer_types": HYBRID}},
    "qwen4_exp": {"text": {"num_hidden_layers": 4}},
    "deepseek_v2": {"num_experts_per_tok": 2, "n_routed_experts": 4},
    "dots1": {"num_experts_per_tok": 2, "n_routed_experts": 4, "n_shared_experts": 1},
    "mpt": {"max_seq_len": 2048},  # lm-eval does not know this name, and takes 2,048
    "xmod": {"default_language": "en_XX"},
}


def cases() -> list[Case]:
    """Every class of AutoModelForCausalLM, and variants."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    of_types = [variant(name, name, **OWN.get(name, {})) for name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES]
    window = {"sliding_window": 64}
    variants = [
        *(
            variant(f"{name}-window-64", name, **window)
            for name in [
                "mistral",
                "gemma2",
                "gpt_oss",
                "starcoder2",
                "cohere2",
                "gemma3_text",
                "exaone4",
                "olmo3",
            ]
        ),
        variant("qwen2-window-64", "qwen2", use_sliding_window=True, layer_types=SLIDING, **window),
        variant("qwen3-window-64", "qwen3", use_sliding_window=True, layer_types=SLIDING, **window),
        variant("llama4-chunk-64", "llama4_text", attention_chunk_size=64),
        variant("gpt_neo-window-64", "gpt_neo", window_size=64, **OWN["gpt_neo"]),
        variant("phi3-longrope", "phi3", rope_parameters=longrope(), original_max_position_embeddings=48),
        variant(
            "phi3-longrope-window",
            "phi3",
            rope_parameters=longrope(),
            original_max_position_embeddings=48,
            sliding_window=100,
        ),
        variant("llama-longrope", "llama", rope_parameters=longrope()),
        *(
            variant(
                f"llama-{kind}",
                "llama",
                rope_parameters={"rope_type": kind, "rope_theta": 1e4, "factor": 4.0} | own,
            )
            for kind, own in (
                ("dynamic", {}),
                ("linear", {}),
                ("yarn", {"original_max_position_embeddings": 40}),
                (
                    "llama3",
                    {"original_max_position_embeddings": 40, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
                ),
            )
        ),
        variant("llama-tied", "llama", tie_word_embeddings=True),
        variant("llama-padded-vocabulary", "llama", vocab_size=448),
        variant("gpt2-tied", "gpt2", tie_word_embeddings=True),
        variant("gemma2-softcapped", "gemma2", final_logit_softcapping=1.0, attn_logit_softcapping=5.0),
        variant(
            "granite-scaled",
            "granite",
            logits_scaling=8.0,
            embedding_multiplier=12.0,
            residual_multiplier=0.22,
        ),
        variant("cohere-scaled", "cohere", logit_scale=0.0625),
        variant("falcon-alibi", "falcon", alibi=True),
        variant("mpt-alibi", "mpt", max_seq_len=2048, attn_config={"alibi": True}),
        variant("opt-post-norm", "opt", do_layer_norm_before=False),
        variant("llama-context-24", "llama", max_position_embeddings=24),
        variant("bert-decoder", "bert", is_decoder=True),
        variant("big_bird-decoder", "big_bird", is_decoder=True, attention_type="original_full"),
        variant("big_bird-sparse-decoder", "big_bird", is_decoder=True, block_size=8, num_random_blocks=1),
        variant("xlm-roberta-decoder", "xlm-roberta", is_decoder=True),
        variant("xlnet-decoder", "xlnet"),
        variant("roberta-decoder", "roberta", is_decoder=True),
        variant("electra-decoder", "electra", is_decoder=True),
        variant("gemma3_text-bidirectional", "gemma3_text", use_bidirectional_attention=True),
        Case("llama-default-spread", lambda: tiny_model(tiny_config("llama"), spread=0.02)),
        Case("mistral-default-spread", lambda: tiny_model(tiny_config("mistral"), spread=0.02)),
        Case("bert-default-spread", lambda: tiny_model(tiny_config("bert"), spread=0.02)),
        Case("t5", lambda: tiny_model(tiny_config("t5"), transformers.T5ForConditionalGeneration)),
        Case("bart-seq2seq", lambda: tiny_model(_bart(), transformers.BartForConditionalGeneration)),
    ]
    return [*of_types, *variants]


def _bart() -> Any:
    import transformers

    return transformers.BartConfig(
        vocab_size=VOCABULARY,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=CONTEXT,
    )


def save_tokenizer(folder: Path) -> Path:
    """A byte-level BPE of Python's own documentation, which all models have."""
    byte_level_tokenizer(VOCABULARY).save_pretrained(folder)
    return folder


def requests(context: int) -> Mapping[str, Sequence[tuple[str, ...]]]:
    """The four kinds of requests; no answer and no question is longer than a model's context."""
    draw = np.random.default_rng(0)
    words = ["return", "the value", "parser", "action", "help", "none", "option", "string", "of a", "type"]

    def text(count: int | np.integer) -> str:
        return " ".join(draw.choice(words, max(1, count)))

    room = context // 3  # a word is at most three tokens
    short = [
        (f"{text(draw.integers(2, 10))}\nanswer:", f" {text(n)}") for _ in range(6) for n in (1, 2, 3, 1)
    ]
    examples = [f"{kind}: {text(int(room * 0.4))}" for kind in ("option", "value")]
    asked = [
        f"{shown}\n{text(int(room * share))}\nanswer:"
        for shown in examples
        for share in (0.05, 0.1, 0.3, 0.5, 0.9)
    ]
    long = [(question, f" {text(n)}") for question in asked for n in (1, 3, 2)]
    # The longest question has short answers only: what long ones do does not show by its length.
    asked = [f"{text(words)}\nanswer:" for words in (4, 5, 3, max(1, room // 5))]
    answers = [
        (question, f" {text(n)}")
        for question in asked
        for n in ((1, 2, 1) if question is asked[-1] else (1, 2, int(room * 0.55), 5, int(room * 0.9)))
    ]
    documents = [(text(n),) for n in (1, 7, 20, 40, 41, 150)]
    return {"short": short, "long": long, "long answers": answers, "documents": documents}


def sweep(case: Case, tokenizer: Path, folder: Path, batch_tokens: int = 512) -> Outcome:
    """One model under both harnesses."""
    import shutil

    try:
        case.build().save_pretrained(folder)
    except Exception as error:
        return Outcome(case.name, 0, 0.0, "", f"not built: {_sentence(error)}")
    for path in tokenizer.glob("*"):
        shutil.copy(path, folder)
    return compare(case.name, folder, batch_tokens)


def compare(name: str, folder: Path, batch_tokens: int = 512) -> Outcome:
    """All requests under both harnesses."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from relscale.errors import RelscaleError
    from relscale.scoring.engine import Engine

    said = _Lines()
    try:
        with contextlib.redirect_stderr(said):
            encoders: dict[str, Any] = {}
            engine = Engine(folder, device="cpu", batch_tokens=batch_tokens, encoders=encoders)
            stock = HFLM(str(folder), device="cpu", dtype="float32", batch_size=1)
            items, largest, wrong, used = 0, 0.0, [], set()
            for kind, texts in requests(engine.encoder.max_length).items():
                verb = "loglikelihood_rolling" if kind == "documents" else "loglikelihood"
                if kind in ("long answers", "documents"):  # they meet an engine that has seen no other text
                    engine = Engine(folder, device="cpu", batch_tokens=batch_tokens, encoders=encoders)
                asked = [Instance(verb, {}, text, 0, ("", 0, 1)) for text in texts]
                ours, theirs = (
                    np.array(getattr(each, verb)(asked, disable_tqdm=True), float).reshape(len(asked), -1)
                    for each in (engine, stock)
                )
                used.add(shortcuts(engine))
                apart = abs(ours - theirs)[:, 0]
                items += len(asked)
                largest = max(largest, float(np.nanmax(apart)))
                bad = ~(apart <= np.maximum(1e-4, 1e-6 * abs(theirs[:, 0])))
                if bad.any() or (ours[:, 1:] != theirs[:, 1:]).any():
                    wrong.append(f"{kind} {int(bad.sum())}")
    except RelscaleError as error:
        return Outcome(name, 0, 0.0, "", f"refused: {str(error).removeprefix(f'{folder}: ')}")
    except Exception as error:
        logging.getLogger("sweep").debug(traceback.format_exc())
        return Outcome(name, 0, float("nan"), "", f"ERROR {_sentence(error)}")
    status = "agrees" if not wrong else f"DIFFERS: {', '.join(wrong)} items"
    return Outcome(name, items, largest, " / ".join(sorted(used)), status)


def shortcuts(engine: Any) -> str:
    """What an engine does for a model, after all was scored."""
    from relscale.scoring.architecture import UNLIMITED

    used = [
        name
        for name, on in (
            ("head", engine.scorer.forward.direct),
            ("answers", engine.scorer.share),
            ("prefix", engine.scorer.reuse),
        )
        if on
    ]
    if engine.scorer.share and engine.scorer.architecture.span < UNLIMITED:
        used.append(f"within {engine.scorer.architecture.span} tokens")
    if engine.scorer.batches.alone:
        used.append("one row a batch")
    elif engine.scorer.batches.padded < UNLIMITED:
        used.append(
            "rows of one length"
            + (f" above {engine.scorer.batches.padded} tokens" if engine.scorer.batches.padded else "")
        )
    return ", ".join(used)


class _Lines(list[str]):
    """Where the harnesses' messages go."""

    def write(self, text: str) -> int:
        self.append(text)
        return len(text)

    def flush(self) -> None: ...


def _sentence(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


def table(outcomes: list[Outcome]) -> Iterator[str]:
    """The outcomes as lines of Markdown."""
    yield "| architecture | items | largest difference, nats | shortcuts | outcome |"
    yield "|---|---|---|---|---|"
    for each in outcomes:
        difference = f"{each.difference:.1e}" if each.items else ""
        status = each.status.replace("|", "\\|")
        yield f"| {each.name} | {each.items or ''} | {difference} | {each.shortcuts} | {status} |"


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("names", nargs="*", help="architectures; without any, all, and the page is written")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    if options.verbose:
        logging.disable(logging.NOTSET)
        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("sweep").setLevel(logging.DEBUG)
    chosen = [case for case in cases() if not options.names or case.name in options.names]
    outcomes = []
    with tempfile.TemporaryDirectory() as root:
        tokenizer = save_tokenizer(Path(root) / "tokenizer")
        for case in chosen:
            with tempfile.TemporaryDirectory(dir=root) as folder:
                outcomes.append(sweep(case, tokenizer, Path(folder)))
            print(json.dumps(outcomes[-1].__dict__), flush=True)
    print(summary(outcomes))
    if not options.names:
        options.page.write_text(page(outcomes), encoding="utf-8")
    sys.exit(not all(each.holds for each in outcomes))


def summary(outcomes: list[Outcome]) -> str:
    compared = [each for each in outcomes if each.items]
    refused = [each for each in outcomes if each.status.startswith("refused")]
    missing = [each for each in outcomes if each.status.startswith("not built")]
    wrong = [each for each in outcomes if not each.holds]
    return (
        f"{len(compared)} architectures compared on {sum(each.items for each in compared):,} items, largest difference "
        f"{max((each.difference for each in compared), default=0):.1e} nats; {len(refused)} refused, "
        f"{len(wrong)} differ; {len(missing)} could not be built tiny."
    )


def page(outcomes: list[Outcome]) -> str:
    import lm_eval
    import transformers

    built = [each for each in outcomes if not each.status.startswith("not built")]
    missing = [each.name for each in outcomes if each.status.startswith("not built")]
    return "\n".join(
        [
            "# Architectures",
            "",
            "Generated by `python benchmarks/architectures.py`: tiny random models of the causal language model "
            f"classes of transformers {transformers.__version__}, scored by relscale and by stock lm-eval "
            f"{lm_eval.__version__} (`--model hf`, float32, batch size 1). Each item may differ by "
            "max(1e-4 nats, 1e-6 of its log-probability).",
            "",
            summary(outcomes),
            "",
            "*Shortcuts*: `head`, the output matrix is applied at scored positions only; `answers`, the answers to one "
            "question share its computation; `prefix`, questions with a common beginning share its computation; "
            "*within n tokens*, up to the length allowed by windows or rotary factors. The last part is the batching "
            "of rows if padding would matter.",
            "",
            *table(sorted(built, key=lambda each: each.name)),
            "",
            f"Not built tiny: {', '.join(missing)}." if missing else "",
            "",
        ]
    )


if __name__ == "__main__":
    main()
