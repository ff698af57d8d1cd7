"""Values that are known to lie between two decimal numbers, at any precision.

A formula is evaluated with interval arithmetic (Moore, Kearfott and Cloud, Introduction to Interval Analysis, 2009) on
the standard library's decimals, with more and more digits until its value is known; and next to a point where it has
none, for its limits.
"""
