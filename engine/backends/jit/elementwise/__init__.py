"""Groups of elementwise ops, and sums of what they compute, as loops."""
