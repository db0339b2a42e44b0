"""What is true, known to nobody in the world: which puts counted, and what became of each POST (design 6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from factorsvc.domain.record import Put


class ViolationError(AssertionError):
    """A promise does not hold."""


def post_of(put_id: bytes) -> int:
    """The number of the POST that made a put; each has a hundred put_ids."""
    return int(put_id) // 100


@dataclass(slots=True)
class Post:
    """One POST: when it began and what it was answered, in steps of the world."""

    number: int
    values: Sequence[int]
    began: int
    stored_at: int | None = None
    """When it was answered 200."""
    refused: bool = False
    """It was answered that nothing is stored."""
    landed: int = 0
    """How many of its puts landed in time."""
    ids: int = 0

    def new_id(self, size: int) -> bytes:
        """An id for a put of this POST."""
        self.ids += 1
        return b"%0*d" % (size, 100 * self.number + self.ids)


class Truth:
    """The last put of each value that landed in time, said without a fold, and all POSTs."""

    def __init__(self, values: Collection[int]) -> None:
        """Begin with nothing said of `values`."""
        self.posts: list[Post] = []
        self.last: dict[int, Put | None] = dict.fromkeys(values)

    def landed(self, put: Put, append_time_ms: int) -> None:
        """See a put land in the journal."""
        if append_time_ms <= put.append_by_ms:
            self.last[put.value] = put
            self.posts[post_of(put.put_id)].landed += 1

    def states(self, now_ms: int) -> dict[int, bytes]:
        """The values that are there at `now_ms`, each with the put_id of its put."""
        return {
            value: put.put_id
            for value, put in self.last.items()
            if put is not None and (put.expires_at_ms is None or put.expires_at_ms > now_ms)
        }

    def check(self) -> None:
        """Complain of a POST that was answered wrongly."""
        for post in self.posts:
            if post.stored_at is not None and post.landed < len(post.values):
                raise ViolationError(f"answered: POST {post.number} was answered 200, and a put of it is void")
            if post.refused and post.landed:
                raise ViolationError(f"refused: POST {post.number} stored something, and was answered that it did not")
        for value, put in self.last.items():
            over = None if put is None else self.posts[post_of(put.put_id)].stored_at
            for post in self.posts if over is not None else ():
                if over is not None and post.stored_at is not None and post.began > over and value in post.values:
                    raise ViolationError(
                        f"order: {value} has the state of a POST that was answered before POST {post.number} began"
                    )
