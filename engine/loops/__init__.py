"""Loops: `scan` as one node of the graph, its derivatives, and how its body runs."""
