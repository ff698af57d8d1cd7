"""The end of a training: back to the best weights, and one look at the test data with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agcli.runs import Run, looks

from .session import Session


def judged(
    session: Session,
    run: Run,
    earlier: Mapping[str, Any],
    stopped: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> dict[str, Any] | None:
    """What a result says of each split, with the weights that are kept; None if ``stopped`` says so on the way.

    The session has these weights from then on. ``earlier`` is the result that the run had before it went on, if any.
    """
    data, best = session.data, session.best.found
    weights = return_to_best(session, run)
    found: dict[str, Any] = {
        "weights": weights, "split": data.judged, "validation_loss": None, "test_loss": None, "best": None,
    }  # fmt: skip
    if data.has_validation:
        last = session.validation
        kept = dict(best["figures"]) if best else last.figures if last.samples + last.unseen else {}
        anew = None if kept else session.evaluate(stopped=stopped, limit=limit)  # of other metrics than before
        if not kept and anew is None:
            return None
        figures = kept if anew is None else anew.figures
        found["validation_loss"] = figures.pop("loss")
        found["validation_metrics"] = found["metrics"] = figures
    if best:
        found["best"] = {k: best[k] for k in ("watch", "value", "epoch", "step")}
    if data.judged == "validation":
        return found
    if data.has_test and limit is None and is_known(earlier, weights, session):
        known = {name: earlier[name] for name in ("test_loss", "metrics")}
        return found | known | {"test_looks": looks.looks(run)}
    if data.has_test:
        found["test_looks"] = looks.look(run)
    sums = session.evaluate(data[data.judged], stopped, limit)
    if sums is None:
        return None
    return found | {"test_loss" if data.has_test else "loss": sums.mean_loss, "metrics": sums.metrics}


def return_to_best(session: Session, run: Run) -> dict[str, Any]:
    """Give the session the weights that are kept, the best by the validation data; returns which they are."""
    found = session.best.found
    if found is None:
        return {"which": "last", "step": session.step, "epoch": session.epoch}
    if found["step"] != session.step:
        checkpoint = run.chosen(str(found["step"]))
        session.restore(checkpoint.arrays, session.progress, "the best checkpoint")
    return {"which": "best", "step": found["step"], "epoch": found["epoch"]}


def is_known(earlier: Mapping[str, Any], weights: Mapping[str, Any], session: Session) -> bool:
    """Whether an earlier result has the figures of the test data already, with these weights: no look is needed."""
    names = [m.name for m in session.validation.meters]
    is_same = not session.measured_anew and earlier.get("split") == "test" and earlier.get("weights") == weights
    return is_same and list(earlier.get("metrics", {})) == names
