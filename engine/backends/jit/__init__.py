"""Elementwise parts of a graph as compiled loops, through llvmlite (extra ``jit``).

Nothing else in the engine knows of it: ``fuse`` replaces groups of ops by one op whose kernel is compiled from the
scalar rules of its members. Without llvmlite, or with ``AG_BACKEND=numpy``, graphs stay as they are.
"""
