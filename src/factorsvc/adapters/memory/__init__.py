"""Every port in memory: for `factorsvc dev --memory`, for tests, and for the simulation, where they fail on command.

What would be a server is one object shared by all replicas; what a replica holds is a thin client of it, and between
the two is a `Link`, the only place where a call can be slow, lost, or late.
"""
