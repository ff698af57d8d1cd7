"""Minima, critical points and roots of formulas: found by SciPy's methods with the engine's gradients and Hessians,
started at many points, and each answer checked before it is shown."""
