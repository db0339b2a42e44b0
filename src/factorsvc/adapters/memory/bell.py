"""The one way in which a server in memory wakes its clients: they listen, it rings, nobody polls."""

import asyncio
from collections.abc import Collection


class Bell:
    """Rung when something has come that some clients wait for.

    A client gets the sound together with the answer "nothing yet", so it cannot miss what comes in between; and it
    listens in its own context, so a frozen or killed one holds up nobody.
    """

    def __init__(self) -> None:
        self._sound: asyncio.Future[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Return what is done when the bell rings next. Shared by all who listen: not to be cancelled."""
        if self._sound is None:
            self._sound = asyncio.get_running_loop().create_future()
        return self._sound

    def ring(self) -> None:
        """Wake everybody who listens."""
        if self._sound is not None:
            self._sound.set_result(None)
            self._sound = None


async def listen(sounds: Collection[asyncio.Future[None]], timeout_s: float) -> None:
    """Return when one of `sounds` is done, and after `timeout_s` at the latest. Cancellation leaves them alone."""
    if sounds:
        await asyncio.wait(sounds, timeout=max(timeout_s, 0), return_when=asyncio.FIRST_COMPLETED)
    else:
        await asyncio.sleep(max(timeout_s, 0))
