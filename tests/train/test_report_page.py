"""The page of a run: whole, escaped, without a network; drawn by a browser where there is one."""

import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

import agcli
from agcli.report.page import written
from agcli.report.page.charts import Series, lines, ticks
from agcli.report.page.html import Html, picture, png, table, tag, text
from agcli.training.failure import TrainingError

EVIL = "<script>alert('1')</script>"
EMPTY = {"meta", "img", "line", "path", "circle", "rect", "br"}
BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


class Reader(HTMLParser):
    """Collects elements and text, and checks that everything is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes
        if name not in EMPTY or name in {"circle", "rect"}:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.text.append(data)


def check(page):
    """The page's text; it fetches nothing and runs nothing."""
    reader = Reader(page)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    links = [value for name, value in reader.attributes if name in {"src", "href", "action"}]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in links)
    assert not re.search(r"url\(|@import|javascript:", page)
    return " ".join(reader.text)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return agcli.train("digits", tmp_path_factory.mktemp("digits") / "run", epochs=4).folder


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    """Columns, classes and a name that want to be markup; a graph with a way around a layer."""
    folder = tmp_path_factory.mktemp("prices")
    rng = np.random.default_rng(0)
    rows = [f'{a:.3f},"{EVIL if a > 0 else "ok & <b>"}",{2 * a + 1:.3f}' for a in rng.normal(size=120)]
    (folder / "data.csv").write_text('"a<b>{}",kind,price\n' + "\n".join(rows) + "\n")
    layers = {
        "first": {"dense": 8, "input": "x"},
        "second": {"dense": 8, "input": "first"},
        "both": {"add": {}, "input": ["first", "second"]},
        "last": {"dense": 1, "input": "both"},
    }
    spec = {"data": {"file": str(folder / "data.csv"), "target": "price"}, "model": layers, "loss": "mse"}
    agcli.train(spec, folder / "numbers", epochs=3)
    spec["data"]["target"], layers["last"]["dense"] = "kind", 2
    agcli.train({**spec, "loss": "softmax_cross_entropy"}, folder / "classes", epochs=3)
    return folder


def test_the_page_of_classes_has_everything(digits, ag):
    path = ag("report", digits, check=0).stdout.strip()
    assert path == str(digits / "report.html")
    page = (digits / "report.html").read_text("utf-8")
    said = check(page)
    for word in (
        "Curves",
        "accuracy",
        "95 % interval",
        "Confusions",
        "Calibration",
        "Worst samples",
        "dense_1",
        "4,810",
    ):
        assert word in said, word
    assert page.count("data:image/png") >= 1
    assert "softmax_cross_entropy" in said
    assert "numpy" in said
    assert len(page) < 200_000


def test_the_page_of_numbers_has_everything(prices):
    said = check(written(prices / "numbers").read_text("utf-8"))
    for word in ("mean_absolute_error", "predicted over true price", "second: dense, 8, 72 parameters", "a<b>"):
        assert word in said, word
    assert "Confusions" not in said


def test_names_are_text_and_never_markup(prices):
    page = written(prices / "classes", prices / "page.html").read_text("utf-8")
    assert EVIL in check(page)
    assert EVIL not in page
    assert "<script" not in page
    assert "ok &amp; &lt;b&gt;" in page


def test_without_data_there_is_a_page_with_the_reason(prices):
    shutil.copytree(prices / "numbers", prices / "orphan")
    spec = (prices / "orphan" / "spec.yaml").read_text()
    (prices / "orphan" / "spec.yaml").write_text(spec.replace("data.csv", "gone.csv"))
    said = check(written(prices / "orphan").read_text("utf-8"))
    assert "There is no evaluation" in said
    assert "gone.csv: cannot be read" in said
    assert "training" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "nope"}, "unknown split"),
        ({"weights": "nope"}, "got nope"),
        ({"out": "nowhere/x.html"}, "nowhere/x.html"),
    ],
)
def test_what_is_asked_for_by_name_must_be_there(digits, tmp_path, options, said):
    if "out" in options:
        options = {"out": tmp_path / options["out"]}
    with pytest.raises(ValueError, match=said):
        written(digits, **options)


def test_a_run_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: expected a run folder with a spec\.yaml"):
        written(tmp_path / "nowhere")


def test_elements_escape_what_they_hold():
    assert tag("p", "a < b & c", title='"x"') == '<p title="&quot;x&quot;">a &lt; b &amp; c</p>'
    assert tag("p", tag("b", "<"), class_="n", hidden=None) == '<p class="n"><b>&lt;</b></p>'
    assert text(Html("<b>")) == "<b>"
    assert "\x1b" not in text("a\x1b[31mb")
    assert "<td>&lt;i&gt;</td>" in table(["<"], [["<i>"]])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (3, 97, [0, 20, 40, 60, 80, 100]),
        (-0.003, 0.0042, [-0.004, -0.002, 0, 0.002, 0.004, 0.006]),
        (1e6, 1.3e6, [1.0e6, 1.1e6, 1.2e6, 1.3e6]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e-9, 1e12])
def test_ticks_of_one_value_enclose_it(value):
    found = ticks(value, value)
    assert found[0] <= value <= found[-1]
    assert len(found) >= 2


@pytest.mark.parametrize(("low", "high"), [(-1e308, 1e308), (0.0, 5e-324), (1e300, 1.0000000001e300)])
def test_ticks_of_extreme_values_are_numbers(low, high):
    found = ticks(low, high)
    assert np.isfinite(found).all()
    assert found[0] <= low
    assert found[-1] >= high


def test_a_training_that_failed_has_a_page(tmp_path):
    """Its last weights answer with infinities and NaN, of which there is nothing to draw."""
    rows = "".join(f"{i / 8},{3 * i + 1 + (i % 3) / 10}\n" for i in range(40))
    (tmp_path / "line.csv").write_text(f"x,y\n{rows}")
    spec = {
        "data": {"name": "table", "file": str(tmp_path / "line.csv"), "target": "y", "columns": {"x": "numeric"}},
        "model": [{"dense": 4}, {"dense": 1}],
        "loss": "mean_squared_error",
        "optimizer": {"sgd": 1e25},
        "train": {"epochs": 3, "batch_size": 8, "checkpoint_every": "1 steps"},
    }
    with pytest.raises(TrainingError):
        agcli.train(spec, tmp_path / "run")
    text = check(written(tmp_path / "run").read_text())
    assert "undefined" in text


def test_lines_lie_within_the_drawing():
    page = lines("t", [Series("a", [1, 2, 3], [5, -3, 1e6]), Series("b", [1], [2.0])], "epoch")
    numbers = [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", page)]
    assert len(numbers) == 4
    assert all(0 <= x <= 460 and 0 <= y <= 240 for x, y in numbers)


def test_pictures_are_png_files_with_these_pixels():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 12)
    data = png(pixels)
    assert data.startswith(b"\x89PNG")
    start = data.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(data[start:]), np.uint8, count=52).reshape(4, 13)
    assert (rows[:, 0] == 0).all()
    assert (rows[:, 1:] == pixels).all()


@pytest.mark.parametrize(
    ("shape", "is_picture"),
    [((8, 8), True), ((64,), True), ((784,), True), ((28, 28, 1), True), ((16, 16, 3), True), ((4,), False),
     ((70,), False), ((2, 200), False), ((8, 8, 5), False)],
)  # fmt: skip
def test_arrays_that_look_like_pictures_are_drawn(shape, is_picture):
    assert (picture(np.ones(shape).tolist(), "alt") is not None) == is_picture


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
@pytest.mark.parametrize("which", ["digits", "prices"])
def test_a_browser_draws_the_page(which, request, tmp_path):
    folder = request.getfixturevalue(which)
    path = written(folder if which == "digits" else folder / "classes", tmp_path / "page.html")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    logging = ["--enable-logging=stderr", "--window-size=1000,1400", f"--screenshot={tmp_path / 'page.png'}"]
    done = subprocess.run([BROWSER, *flags, *logging, path.as_uri()], capture_output=True, text=True, timeout=120)
    assert (tmp_path / "page.png").stat().st_size > 20_000, done.stderr
    assert "Refused to" not in done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr


def test_a_page_of_a_file(ag, tmp_path):
    import json

    from samples import rows

    (tmp_path / "t.csv").write_text(rows())
    (tmp_path / "new.csv").write_text(rows(50, seed=4))
    (tmp_path / "s.yaml").write_text(
        f"data: {{file: {tmp_path}/t.csv, target: kind, columns: {{who: ignore}}}}\n"
        "model: [dense: 1]\nloss: sigmoid_cross_entropy\ntrain: {epochs: 1}\n"
    )
    ag("train", tmp_path / "s.yaml", "--out", tmp_path / "run", "--quiet", check=0)
    (tmp_path / "t.csv").write_text(rows(130))  # no reason to refuse another file
    found = json.loads(ag("eval", tmp_path / "run", "--data", tmp_path / "new.csv", "--json", check=0).stdout)
    ag("report", tmp_path / "run", "--data", tmp_path / "new.csv", check=0)
    over = ag("report", tmp_path / "run", "--data", tmp_path / "new.csv", "--out", tmp_path / "t.csv", check=2)
    assert "holds samples, which the page would replace" in over.stderr
    assert (tmp_path / "t.csv").read_text() == rows(130)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "new.csv" in page.partition("50 samples:")[2][:200]
    assert f"{found['figures']['accuracy']['value']:.4f}" in page
    both = ag("report", tmp_path / "run", "--data", tmp_path / "new.csv", "--split", "test", check=2)
    assert "leave one of them out" in both.stderr
