"""Which language has a function that another lacks."""

from __future__ import annotations


def in_numpy(function: str) -> str:
    """What to type where Python or C lacks a function; empty where NumPy lacks it, too."""
    from agcli.expression.printers.numpy import has, spelling

    if function in ("x[0]", "[a, b]"):
        return "--format numpy has vectors and matrices"
    if not has(function):
        return EVALUATE
    return f"--format numpy has it: `{spelling(function)}`"


EVALUATE = "--at computes its values, and `parse(text).eval(...)` in Python"
