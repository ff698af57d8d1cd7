"""What two trainings have to share that are one and the same, however often one of them was broken off."""

TIMINGS = ("seconds", "elapsed", "samples_per_second")


def outcome(folder):
    """Weights, progress, metrics, result with its reason, and which checkpoint is the best: all that tells no time.

    A look at the test data is counted before it is done, and may be lost with its process.
    """
    from agcli.runs import Run

    run = Run(folder)
    checkpoint, passed_over = run.newest()
    assert checkpoint is not None, folder
    assert not passed_over, passed_over
    records = [{k: v for k, v in record.items() if k not in TIMINGS} for record in run.metrics]
    kept = {k: v for k, v in (run.result or {}).items() if k not in (*TIMINGS, "run", "run_id", "test_looks")}
    pointers = [path.read_text() if (path := folder / name).exists() else "" for name in ("best", "last")]
    return [checkpoint.hash, records, kept, *pointers]
