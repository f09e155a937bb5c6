"""Writes a llama GGUF with random weights: useless answers at thousands of tokens a second.

Usage: make-random-model.py OUTPUT.gguf [POOLING] (needs the package `gguf`)

With POOLING, `MEAN` or `LAST`, its file says that it makes embeddings, and how.
"""

import sys

import gguf
import numpy

LAYERS = 2
WIDTH = 64
HEADS = 4
FEED_FORWARD = 128
TOKENS = 512
CONTEXT = 8192
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def vocabulary() -> tuple[list[str], list[int]]:
    """512 tokens: three special ones, 256 bytes, invented words."""
    kinds = gguf.TokenType
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    words = [f"\u2581{first}{second}" for first in syllables for second in syllables[::9]]
    words = words[: TOKENS - len(tokens)]
    return tokens + words, [int(kind) for kind in types] + [int(kinds.NORMAL)] * len(words)


def main(path: str, pooling: str | None = None) -> None:
    random = numpy.random.default_rng(seed=1)
    tokens, types = vocabulary()
    special = TOKENS - types.count(int(gguf.TokenType.NORMAL))

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random weights, for load tests only")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(TOKENS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(place) for place in range(TOKENS)])
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)
    if pooling is not None:
        writer.add_pooling_type(gguf.PoolingType[pooling])

    def matrix(rows: int, columns: int) -> numpy.ndarray:
        return random.standard_normal((rows, columns), dtype=numpy.float32) / numpy.float32(columns**0.5)

    writer.add_tensor("token_embd.weight", matrix(TOKENS, WIDTH))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, dtype=numpy.float32))
    output = matrix(TOKENS, WIDTH) * numpy.float32(8)
    # Never an end and never half a character: only the invented words win against a score of nought.
    output[:special] = 0
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        for name, shape in {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (WIDTH, WIDTH),
            "attn_v": (WIDTH, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (FEED_FORWARD, WIDTH),
            "ffn_up": (FEED_FORWARD, WIDTH),
            "ffn_down": (WIDTH, FEED_FORWARD),
        }.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(*shape))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(*sys.argv[1:])
