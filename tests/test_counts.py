"""Counts with their nouns: one sample, two samples, and nowhere "1 samples"."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from agcli.counts import number_of

ROOT = Path(__file__).resolve().parent.parent
NOUNS = "samples|steps|epochs|evaluations|parameters|classes|scores|folds|kills"  # of which there may well be one
COUNT = re.compile(rf"({NOUNS})\b(?!/s)")


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "sample", "1 sample"),
        (0, "sample", "0 samples"),
        (2_000, "sample", "2,000 samples"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
        (2, "batch", "2 batches"),
        (2, "epoch", "2 epochs"),
        (2, "validation sample", "2 validation samples"),
    ],
)
def test_a_count_agrees_with_its_noun(count, noun, text):
    assert number_of(count, noun) == text


def counted(text):
    """The f-strings of a text that write a number that is not a constant in front of a plural."""
    for node in ast.walk(ast.parse(text)):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for value, after in pairwise(parts):
            what = ast.unparse(value.value) if isinstance(value, ast.FormattedValue) else ""
            is_number = bool(what) and not what.strip("_").isupper() and what not in ("name", "part")
            words = after.value if isinstance(after, ast.Constant) else ""
            if is_number and words.startswith(" ") and COUNT.match(words[1:]):
                yield ast.unparse(node)


# Sentences in which there are always several, or whose verb says so.
SEVERAL = {
    "agcli/model/layers/shape.py", "agcli/training/fit.py", "agcli/evaluation/evaluate.py",
    "agcli/training/verify_resume.py", "agcli/prediction/files.py", "agcli/report/page/charts.py",
    "agcli/report/tables.py",
}  # fmt: skip


@pytest.mark.parametrize("folder", ["agcli", "datasets"])
def test_messages_count_by_the_one_helper(folder):
    sources = [p for p in (ROOT / folder).rglob("*.py") if not any(q.is_symlink() for q in p.parents)]
    named = {path.relative_to(ROOT).as_posix(): [*counted(path.read_text("utf-8"))] for path in sources}
    assert not {path: texts for path, texts in named.items() if texts and path not in SEVERAL}


def test_a_count_that_is_written_by_hand_is_seen():
    seen = 'f"{n:,} samples of {name}"', 'f"of {len(x)} classes"'
    passed = 'f"{n:,} samples/s"', 'f"{MAX_CLASSES:,} classes"', 'f"{name} sampled"', "f\"{number_of(n, 'sample')}\""
    assert all(len([*counted(text)]) == 1 for text in seen)
    assert not any([*counted(text)] for text in passed)
