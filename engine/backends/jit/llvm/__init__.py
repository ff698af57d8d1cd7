"""The text of kernels in LLVM's language."""
