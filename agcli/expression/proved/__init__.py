"""Digits that are proved: a formula in exact numbers and balls, at more and more bits until its digits are sure.

A ball is a midpoint with a radius that surely holds the true value (Johansson, Arb: Efficient Arbitrary-Precision
Midpoint-Radius Interval Arithmetic, 2017), from FLINT by python-flint. What is rational is computed exactly, and so
are rational multiples of pi, so that zeros, ties and poles that can be told are told.
"""
