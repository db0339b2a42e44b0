"""A change that any number of tasks wait for. It has no state of its own: look at what changed, then wait again."""

import asyncio


class Signal:
    """Wakes all who wait at the moment it is fired.

    Check the condition and call `wait` without an await in between, and no change is missed.
    """

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Wake all who wait now."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self) -> None:
        """Return at the next `fire`."""
        await self._event.wait()

    async def wait_until(self, deadline: float) -> None:
        """Return at the next `fire`, or at `deadline`, an instant of the loop's monotonic clock."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._event.wait()
        except TimeoutError:
            return
