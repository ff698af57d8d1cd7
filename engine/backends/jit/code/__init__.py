"""Machine code: made, kept on disk, loaded, run."""
