"""The page of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import localtime, strftime
from typing import Any

from agcli.data.same_files import files_of
from agcli.data.whole_file import is_one_of, whole_file
from agcli.engine.variables import total
from agcli.runs import Run, RunError, writing

from ..evaluation import amount, interval
from ..figures import duration
from . import charts
from .facts import Facts, facts
from .html import Html, joined, table, tag
from .layers import LAYERS, graph, layer_table, nodes_of
from .results import fitted, results, worst_table
from .style import STYLE

PAGE = "report.html"  # in the run's folder
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # of the browser: nothing is fetched or run


def written(folder: Path, out: Path | None = None, **options: Any) -> Path:
    """Write the page of a run, to ``report.html`` in its folder if no other place is given. Options are of `facts`."""
    run = Run.open(folder)
    place = out or run.folder / PAGE
    if place.is_dir() or not (out is None or place.parent.is_dir()):
        raise RunError(f"{place}: expected the name of a file in a folder that exists")
    if out is not None and is_one_of(out, files_of(run.spec).values()):
        raise RunError(f"{out}: holds samples, which the page would replace; write to another file")
    content = page(facts(run.folder, **options))
    if out is None:
        with writing(place.parent):
            run.files.write(PAGE, content.encode())
    else:
        with whole_file(out) as file:
            file.write(content.encode())
    return place


def page(found: Facts) -> str:
    """The page as text."""
    parts = [(name, joined(make(found))) for name, make in SECTIONS.items()]
    there = [(name, content) for name, content in parts if content]
    links = tag("nav", *(tag("a", name, href=f"#{_id(name)}") for name, _ in there))
    sections = [tag("section", tag("h2", name), content, id=_id(name)) for name, content in there]
    body = tag("body", *header(found), links, *sections)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{found.row.name}: {found.folder.resolve().name}"),
        tag("style", Html(STYLE)),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _id(name: str) -> str:
    return name.lower().replace(" ", "-")


def header(found: Facts) -> Iterator[Html]:
    """Name, folder, state, and the figures that matter most."""
    row = found.row
    yield tag("h1", row.name)
    started = strftime("%Y-%m-%d %H:%M", localtime(row.started))
    yield tag(
        "p", tag("span", found.folder.resolve(), class_="path"), f" · {row.state} · started {started}", class_="soft"
    )
    yield tag(
        "div",
        *(tag("div", tag("b", value), tag("span", name), class_="tile") for name, value in tiles(found)),
        class_="tiles",
    )
    if found.result and found.result.get("reason"):
        yield tag("p", f"Ended because: {found.result['reason']}.", class_="soft")


def tiles(found: Facts) -> Iterator[tuple[str, str]]:
    """A few names with their values."""
    evaluation = found.evaluation
    if evaluation is not None:
        for name, f in list(evaluation.figures.items())[:2]:
            yield f"{name} ({interval(f)})", amount(f.value)
    else:
        for name, value in list(found.row.metrics.items())[:2]:
            if isinstance(value, int | float):
                yield name, amount(value)
    yield "epochs", f"{found.row.epoch:,} of {found.row.epochs:,}"
    if found.model is not None:
        yield "parameters", f"{total(found.model.parameters.trainable):,}"
    yield "training", duration(found.row.seconds)


def curves(found: Facts) -> Iterator[Html]:
    """Loss, metrics and learning rate over the epochs."""
    epochs = [r for r in found.history if r.get("event") == "epoch"]
    drawn = []
    for title, sources in [
        ("loss", (("training", "loss"), ("validation", "validation_loss"))),
        *_metrics(epochs),
        ("learning rate", (("lr", "lr"),)),
    ]:
        series = [charts.Series(name, *_points(epochs, key)) for name, key in sources]
        if any(len(s.x) > 1 for s in series) and (title != "learning rate" or len(set(series[0].y)) > 1):
            drawn.append(charts.lines(title, series, "epoch"))
    if drawn:
        yield tag("div", *drawn, class_="charts")


def _metrics(epochs: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[tuple[str, Any], ...]]]:
    names = dict.fromkeys(k for r in epochs for part in ("train_metrics", "metrics") for k in r.get(part) or {})
    return [(name, (("training", ("train_metrics", name)), ("validation", ("metrics", name)))) for name in names]


def _points(epochs: Sequence[Mapping[str, Any]], key: Any) -> tuple[list[float], list[float]]:
    """The finite values of a key, or of a key within a mapping, with their epochs."""
    x, y = [], []
    for record in epochs:
        value = (record.get(key[0]) or {}).get(key[1]) if isinstance(key, tuple) else record.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf"):
            x.append(float(record["epoch"]))
            y.append(float(value))
    return x, y


def evaluation(found: Facts) -> Iterator[Html]:
    if found.evaluation is not None:
        yield from results(found.evaluation)
    elif found.problem:
        yield tag("p", f"There is no evaluation: {found.problem}", class_="note")


def fit(found: Facts) -> Iterator[Html]:
    """The curve of a formula model with its bands, over the samples that it was fitted to."""
    if found.curve is not None:
        yield from fitted(found.curve)


def worst(found: Facts) -> Iterator[Html]:
    if found.evaluation is not None and found.evaluation.worst:
        yield worst_table(found.evaluation.worst)


def model(found: Facts) -> Iterator[Html]:
    if found.model is None:
        return
    nodes = nodes_of(found.model)
    yield layer_table(nodes, total(found.model.parameters.trainable))
    if 1 < len(nodes) <= LAYERS:
        yield tag("h3", "Graph")
        yield graph(nodes)


def settings(found: Facts) -> Iterator[Html]:
    yield tag("pre", found.spec)


def environment(found: Facts) -> Iterator[Html]:
    rows = [(name, _flat(value)) for name, value in found.environment.items()]
    if rows:
        yield table(("", ""), rows)


def _flat(value: Any) -> str:
    """Nested facts in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value)) if any(isinstance(v, Mapping) for v in value) else " ".join(map(str, value))
    return "" if value is None else str(value)


SECTIONS = {
    "Curves": curves,
    "Fit": fit,
    "Evaluation": evaluation,
    "Worst samples": worst,
    "Model": model,
    "Settings": settings,
    "Environment": environment,
}
