"""The ways in: each turns what comes from outside into calls of use cases, and what they give into an answer."""
