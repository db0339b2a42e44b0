"""How large a world of the journal is, and what can go wrong in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a walk may meet. A small shape finds its counter-example sooner."""

    holders: int = 2
    begun: int = 0
    """Processes that are there from the beginning, with a view of what was posted so far: nothing."""
    classes: int = 1
    values: tuple[int, ...] = (2, 4)
    puts: int = 5
    """POSTs at most, each of one of `values`, with or without a ttl."""
    posts: tuple[tuple[int, int | None], ...] = ()
    """If there are any: the POSTs, values and ttls, in their order, instead of `puts` any."""
    stops: tuple[str, ...] = ("look", "commit", "bury", "remove", "clear")
    """Methods of the ports before which a process may be stopped on its way."""
    chunk: int = 1
    """Values in a transaction."""
    trouble: frozenset[str] = frozenset()
    """Kinds of trouble; after a colon the only method that has it."""
