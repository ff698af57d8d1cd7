"""Text corpora: windows of characters, bytes and words, their vocabularies, and the real text of a playwright."""

import json

import numpy as np
import pytest

from agcli.datasets import Corpus, DataError, Speller, fitted
from agcli.datasets.vocabulary import Vocabulary


@pytest.fixture
def written(tmp_path):
    def write(text, name="t.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("unit", "text", "test", "x", "y", "classes"),
    [
        ("characters", "abcabca", "abc", [[0, 1, 2], [0, 1, 2]], [[1, 2, 0], [1, 2, 0]], ("a", "b", "c")),
        ("characters", "äb€ä", "bbbb", [[1, 0, 2]], [[0, 2, 1]], ("b", "ä", "€")),
        ("bytes", "aü", "abcd", [[97, 195]], [[195, 188]], tuple(map(str, range(256)))),
        ("words", "To be, or not to be.", "be to", [[2, 1], [3, 6], [5, 2]], [[1, 3], [6, 5], [2, 1]], None),
    ],
)
def test_a_window_is_followed_by_itself_one_token_later(unit, text, test, x, y, classes, written):
    length = len(x[0])
    other = written(test * 3, "test.txt")
    data = Corpus(path=written(text), unit=unit, length=length, test_path=other).read()
    assert data.train.x.tolist() == x
    assert data.train.y.tolist() == y
    assert (data.train.x.dtype, data.train.y.dtype) == (np.int64, np.int64)
    if classes:
        assert data.classes == classes
    else:
        assert data.classes == ("<unknown>", "be", "to", ",", ".", "not", "or")


def test_windows_overlap_as_the_stride_says(written):
    data = Corpus(path=written("abcdefghij" * 10), length=4, stride=3, test=0.5).read()
    assert data.train.x[:3].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert np.array_equal(data.train.x[:, 1:], data.train.y[:, :-1])
    assert data.settled.stride == 3
    assert Corpus(path=data.settled.path, length=4).read().settled.stride == 4


def test_the_end_of_the_text_is_for_testing(written):
    data = Corpus(path=written("a" * 64 + "b" * 16 + "c" * 20), length=5, test=0.2, validation=0.2).read()
    assert data.classes == ("<unknown>", "a")  # the training split alone teaches
    assert {name: set(split.x.ravel()) for name, split in data.splits.items()} == {
        "train": {1}, "validation": {0}, "test": {0},
    }  # fmt: skip
    assert (data.settled.validation, data.settled.test) == (0.2, 0.2)
    assert data.settled.read().settled == data.settled


def test_a_file_for_validation_is_read_beside_one_for_testing(written):
    files = {"validation_path": written("bb" * 9, "v.txt"), "test_path": written("cc" * 9, "other.txt")}
    data = Corpus(path=written("abcd" * 9), length=4, **files).read()
    assert (set(data.validation.x.ravel()), set(data.test.x.ravel()), len(data.train)) == ({1}, {2}, 8)
    assert (data.settled.validation, data.settled.test) == (0, 0)
    with pytest.raises(DataError, match="expected a share or a file for validation, found both"):
        Corpus(path=written("abcd" * 9), validation=0.1, **files)


@pytest.mark.parametrize(("unit", "tokens"), [("characters", 1), ("bytes", 1), ("words", 2)])
def test_the_usual_validation_has_at_most_ten_thousand_windows(written, unit, tokens, monkeypatch):
    monkeypatch.setattr("agcli.datasets.corpus.MAX_VALIDATION", 20)
    data = Corpus(path=written("ab " * 1_000), unit=unit, length=2, test=0).read()
    assert 18 <= len(data.validation) <= 20
    assert not Corpus(path=written("ab " * 10), unit=unit, length=9, test=0).read().has_validation


def test_an_empty_text_is_too_short(written):
    for unit in ("characters", "words", "bytes"):
        with pytest.raises(DataError, match=f"expected more than 4 {unit}, found 0 in the train split"):
            Corpus(path=written(""), unit=unit, length=4).read()


def test_tokens_stay_small_in_memory(written):
    data = Corpus(path=written("abc" * 1000), length=8, stride=1).read()
    column = data.train.columns["x"]
    assert (column.stored.dtype, column.dtype) == (np.uint8, np.int64)


def test_words_that_training_did_not_see_are_unknown(written):
    path, other = written("one two two three " * 4), written("two seven three one " * 4, "o.txt")
    data = Corpus(path=path, unit="words", length=3, vocabulary=3, test_path=other).read()
    assert data.classes == ("<unknown>", "two", "one")
    assert data.test.x[0].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("unit", "text"), [("characters", "ba€"), ("bytes", "ü!"), ("words", "to be")])
def test_a_vocabulary_survives_as_plain_data_and_reads_back(unit, text, written):
    data = Corpus(path=written("ba€ü! to be " * 20), unit=unit, length=2).read()
    again = fitted(json.loads(json.dumps(data.fitted.to_json())))
    assert isinstance(again, Speller)
    assert again == data.fitted
    numbers = again.encode(text)
    assert again.vocabulary.decode(numbers) == text
    scores = np.eye(len(again.vocabulary))[numbers]
    assert again.restore(scores).tolist() == [again.classes[number] for number in numbers]
    assert np.array_equal(Corpus(path=data.settled.path, unit=unit, length=2).read(again).train.x, data.train.x)


def test_a_character_that_the_vocabulary_lacks_is_named():
    with pytest.raises(DataError, match=r"the vocabulary has no character 'z' \(U\+007A\)"):
        Vocabulary("characters", ("a", "b")).encode("abz")


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("ö".encode() + b"\xff", {}, "expected UTF-8 text, found the byte 0xff in line 1; save the file as UTF-8"),
        ("short", {}, "expected more than 64 characters, found 4 in the train split"),
        ("a" * 200, {"length": 50}, "expected more than 50 characters, found 20 in the test split"),
        ("a" * 200, {"unit": "word"}, 'unknown unit "word"; did you mean "words"?'),
    ],
)
def test_what_is_wrong_with_a_text_is_said(content, options, text, written):
    with pytest.raises(DataError) as caught:
        Corpus(path=written(content), **options).read()
    assert text in str(caught.value)


def test_shakespeare_has_65_characters(real_data):
    data = Corpus(path=real_data / "tinyshakespeare/input.txt", length=64).read()
    assert len(data.classes) == 65
    assert (len(data.train), len(data.validation), len(data.test)) == (13_332, 2_352, 1_742)
    text = data.fitted.vocabulary.decode(data.train.x[0])
    assert text.startswith("First Citizen:\nBefore we proceed any further")


def test_a_model_that_keeps_the_last_state_only_is_told_how_to_keep_all(written):
    from agcli.model.build import build
    from agcli.spec import SpecError, parse_spec

    corpus = Corpus(path=written("the quick brown fox " * 20), length=8).read()
    model = "[embedding: {size: 32, width: 4}, MIDDLE, dense: 32]"
    text = f"data: {{name: text, file: t.txt, length: 8}}\nmodel: {model}\nloss: softmax_cross_entropy\n"
    for layer in ("lstm", "gru", "simple_rnn"):
        with pytest.raises(SpecError, match=r"8 places, of which model\[1\] keeps the last: return_sequences: true"):
            build(parse_spec(text.replace("MIDDLE", f"{layer}: 4"), "s"), corpus)
        build(parse_spec(text.replace("MIDDLE", f"{layer}: {{units: 4, return_sequences: true}}"), "s"), corpus)
