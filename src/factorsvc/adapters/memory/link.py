"""The way from a client in memory to its server in memory: where calls are delayed, lost, and answered to nobody.

An `effect` is what the server does for a call: a plain function, atomic because nothing else runs meanwhile. A real
server does it although the caller was cancelled, has died or has frozen meanwhile, and so does a `Link`: once a call is
under way, only the link decides if and when the effect happens.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class LinkDownError(Exception):
    """The call got no answer. Its effect may have happened, may happen later, or never; the adapter translates this.

    Not `sent`, as when a connection is refused: it surely has not happened and never will.
    """

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class Link(Protocol):
    """Carries calls from one client to one server."""

    @abstractmethod
    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        """Have the server do `effect` and return what it returns; what it raises is raised here.

        Calls of one link take effect in the order in which they were made, unless one of them is lost or late.

        Raises:
            LinkDownError: no answer came, within `timeout_s` where that is given.
        """

    @abstractmethod
    def cut(self) -> None:
        """Break the link as a server does that closes a connection: what is under way gets no answer."""


class DirectLink(Link):
    """A link that never fails: the effect happens at once, and other tasks get a turn before the answer."""

    async def call(self, effect: Callable[[], T], timeout_s: float | None = None) -> T:
        """Do `effect` now."""
        answer = effect()
        await asyncio.sleep(0)
        return answer

    def cut(self) -> None:
        """Do nothing: no call is ever under way."""
