"""The factorizers: python-flint or sympy, what is easy in place and what is hard in processes that can be killed."""
