"""The `factorsvc` command, as real processes."""
