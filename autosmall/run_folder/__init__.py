"""The run folder: what is written where, append-only, and read back."""
