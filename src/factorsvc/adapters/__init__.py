"""Implementations of the ports, each package with one client library of its own."""
