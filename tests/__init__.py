"""The tests; a package so that `tests.builders` is ours wherever pytest runs."""
