"""Products of matrices for which a BLAS is not the fastest."""
