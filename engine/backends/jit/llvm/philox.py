"""The code of Philox4x64-10 (Salmon et al., 2011): a block of 256 bits is a function of the block's number alone."""

from __future__ import annotations

from collections.abc import Callable

from .values import Code

WORDS = 4  # of 64 bits in a block
ROUNDS = 10
FACTORS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)  # of the keys, from one round to the next


def signed(n: int) -> int:
    """The same 64 bits as a signed number."""
    return n - (1 << 64) if n >= 1 << 63 else n


def words_of_blocks(code: Code) -> Callable[[str], str]:
    """What computes a block of NumPy's generator by its number, as a vector of four words.

    The code knows %key, which points to seed and step, and %stream.
    """
    code.do("%seed = load i64, ptr %key")
    code.do(f"%step = load i64, ptr {code.emit('getelementptr i64, ptr %key, i64 1')}")
    keys = [[code.emit(f"add i64 {k}, {signed(r * w % 2**64)}") for r in range(ROUNDS)]
            for k, w in zip(("%seed", "%stream"), STEPS, strict=True)]  # fmt: skip

    def block(number: str) -> str:
        words = [code.emit(f"add i64 {number}, 1"), "0", "0", "%step"]  # the generator counts, then computes
        for pair in zip(*keys, strict=True):
            words = turned(code, words, pair)
        vector = "poison"
        for n, word in enumerate(words):
            vector = code.emit(f"insertelement <4 x i64> {vector}, i64 {word}, i32 {n}")
        return vector

    return block


def turned(code: Code, words: list[str], keys: tuple[str, ...]) -> list[str]:
    """One round: the products of two words, their halves exchanged and mixed with the other words and the keys."""
    halves = []
    for word, factor in zip(words[::2], FACTORS, strict=True):
        whole = code.emit(f"mul i128 {code.emit(f'zext i64 {word} to i128')}, {factor}")
        high = code.emit(f"trunc i128 {code.emit(f'lshr i128 {whole}, 64')} to i64")
        halves.append((high, code.emit(f"trunc i128 {whole} to i64")))
    (high0, low0), (high1, low1) = halves
    first = code.emit(f"xor i64 {code.emit(f'xor i64 {high1}, {words[1]}')}, {keys[0]}")
    third = code.emit(f"xor i64 {code.emit(f'xor i64 {high0}, {words[3]}')}, {keys[1]}")
    return [first, low1, third, low0]
