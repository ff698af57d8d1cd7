"""Attention as compiled kernels."""
