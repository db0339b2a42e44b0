"""Long answers that this replica has begun: what of which class an asker may still come back for."""


class OpenAnswers:
    """Remembers when each long answer was last asked on; one that is idle for too long is given up."""

    def __init__(self, idle_s: float) -> None:
        """Give an answer up after `idle_s` seconds without a question for its next page."""
        self._idle_s = idle_s
        self._last: dict[tuple[int, int, int], float] = {}

    def touch(self, asker: int, class_id: int, prime: int, now: float) -> None:
        """Note that the replica at slot `asker` was given a page with more to come."""
        self._last[asker, class_id, prime] = now

    def end(self, asker: int, class_id: int, prime: int) -> None:
        """Note that it was given the last page."""
        self._last.pop((asker, class_id, prime), None)

    def any_of(self, class_id: int, now: float) -> bool:
        """Tell whether somebody may still come back for more of `class_id`."""
        self._last = {key: last for key, last in self._last.items() if now - last < self._idle_s}
        return any(key[1] == class_id for key in self._last)
