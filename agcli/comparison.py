"""Runs beside each other: a list of them with their state, and what differs between some of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agcli.engine.errors import EngineError
from agcli.runs import Run, RunError
from agcli.runs.figures import final
from agcli.runs.lock import is_locked
from agcli.runs.migrate import NewerError
from agcli.runs.places import MARK, RUNS
from agcli.runs.run import all_runs
from agcli.spec import SpecError
from agcli.spec.dump import plain
from agcli.spec.names import path_text

FOLDS = "folds.json"  # in a folder that holds a run for each fold
DONE, TRAINING, STOPPED, DAMAGED, NEWER = "done", "training", "stopped", "damaged", "newer"  # than this version
CURVES = ("validation_loss", "loss")  # the first that all runs have is drawn, beside the figure that is watched


@dataclass(frozen=True)
class Row:
    """A run in a few figures."""

    folder: Path
    name: str
    state: str
    started: float  # seconds since 1970
    epoch: int
    epochs: int
    step: int
    seconds: float
    metrics: dict[str, Any]
    split: str = "test"  # of which the metrics are
    run_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        started = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.started))
        return {**vars(self), "folder": str(self.folder), "started": started}


def listed(place: Path = RUNS) -> list[Row]:
    """The runs in a folder, those of cross-validations included, the newest first. RunError if there is no folder."""
    if not place.is_dir():
        raise RunError(f"{place}: there is no such folder; `ag train SPEC` makes runs in {RUNS}")
    places = [place, *(path.parent for path in sorted(place.glob(f"*/{FOLDS}")))]
    return sorted((row(run) for p in places for run in all_runs(p)), key=lambda r: r.started, reverse=True)


def found(names: Sequence[str], place: Path = RUNS) -> list[Run]:
    """The runs of these names: folders, or names of folders in ``place``."""
    return [Run.open(Path(name), place) for name in names]


def row(run: Run) -> Row:
    """A run's row; of a damaged run, what can be read."""
    started = run.files.modified(MARK)
    try:
        spec, history, result = run.spec, run.metrics, run.result
        started = began(run.environment) or started
    except (RunError, SpecError, EngineError, OSError) as error:
        state = NEWER if isinstance(error, NewerError) else DAMAGED
        return Row(run.folder, run.folder.name, state, started, 0, 0, 0, 0.0, {})
    last = history[-1] if history else {}
    state = TRAINING if is_locked(run.folder) else DONE if result else STOPPED
    seconds = float((result or {}).get("seconds") or last.get("elapsed") or 0)
    epoch = max((int(r["epoch"]) for r in history if r.get("event") == "epoch"), default=0)
    step = int((result or {}).get("steps") or last.get("step") or 0)
    split, figures = final(result, history)
    return Row(run.folder, spec.name, state, started, epoch, spec.train.epochs, step, seconds, figures, split, run.id)


def began(environment: Mapping[str, Any]) -> float | None:
    """When a run began, in seconds since 1970, as its environment says."""
    try:
        return datetime.strptime(str(environment.get("started")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return None


@dataclass(frozen=True)
class Curve:
    """A figure over the epochs of one run."""

    run: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Comparison:
    """Settings in which runs differ, with a value a run; results likewise; and curves by the name of the figure."""

    runs: list[str]
    settings: dict[str, list[Any]]
    results: dict[str, list[Any]]
    curves: dict[str, list[Curve]]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        curves = {name: [vars(curve) for curve in group] for name, group in self.curves.items()}
        return {"runs": self.runs, "settings": self.settings, "results": self.results, "curves": curves}


def compare(runs: Sequence[Run]) -> Comparison:
    """What differs between runs."""
    if len(runs) < 2:
        raise RunError("compare: expected two runs or more")
    rows = [row(run) for run in runs]
    settings = [dict(flat(plain(run.spec))) for run in runs]
    results: list[dict[str, Any]] = [
        {**r.metrics, "state": r.state, "epochs done": r.epoch, "steps": r.step, "seconds": round(r.seconds, 2)}
        for r in rows
    ]
    watched = {run.spec.train.watch for run in runs} - {"loss"}
    names = titles([run.folder for run in runs])
    histories = [run.metrics for run in runs]
    drawn = next((c for c in CURVES if all(any(r.get(c) is not None for r in h) for h in histories)), CURVES[-1])
    figures = [drawn, *sorted(watched)] if watched else [drawn, *_shared(histories)]
    curves = {f: [curve(name, h, f) for name, h in zip(names, histories, strict=True)] for f in figures}
    return Comparison(
        names, differing(settings), aligned(results), {f: c for f, c in curves.items() if any(k.x for k in c)}
    )


def titles(folders: Sequence[Path]) -> list[str]:
    """Short names of runs: those of their folders, or the paths where these are the same."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def flat(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The settings of a spec by their paths."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None or not value:
        yield path_text(path), value
        return
    for key, item in items:
        yield from flat(item, (*path, key))


def differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings whose values are not the same in all."""
    return {key: values for key, values in aligned(settings).items() if any(v != values[0] for v in values)}


def aligned(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values of each key, None where a record lacks it."""
    keys = dict.fromkeys(key for record in records for key in record)
    return {key: [record.get(key) for record in records] for key in keys}


def curve(run: str, history: Sequence[Mapping[str, Any]], figure: str) -> Curve:
    """A figure of the records of a run, over its epochs."""
    per_epoch = next((r["step"] / r["epoch"] for r in history if r.get("event") == "epoch" and r.get("step")), 1.0)
    x, y = [], []
    for record in history:
        value = record.get(figure, record.get("metrics", {}).get(figure))
        if isinstance(value, int | float) and math.isfinite(value):
            x.append(float(record["epoch"] if record.get("event") == "epoch" else record["step"] / per_epoch))
            y.append(float(value))
    return Curve(run, x, y)


def _shared(histories: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """The first metric that all runs have."""
    sets = [{k for r in h for k, v in r.get("metrics", {}).items() if isinstance(v, float)} for h in histories]
    names = [k for r in histories[0] for k in r.get("metrics", {}) if all(k in s for s in sets)] if histories else []
    return names[:1]
