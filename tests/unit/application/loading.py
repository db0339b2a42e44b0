"""A replica that loads classes, step by step as the test says so."""

from collections.abc import Callable

from factorsvc.application.cold_loader import ColdLoader
from factorsvc.application.view_opener import ViewOpener
from factorsvc.domain.record import Put
from tests.unit.application.building import Rig, Servers, a_rig

MANY = (4, 7, 10, 13, 16)
"""Values of class 1, for three transactions."""


class Loading:
    """A loader that takes its steps when the test says so."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.loader = ColdLoader(rig.work)
        self._opener = ViewOpener(rig.work)

    async def place(self, *classes: int) -> None:
        """Have these classes placed here, and those found worthless of which there is no view."""
        self.rig.place(*classes)
        await self._opener.step()

    async def read(self) -> None:
        """Give the loader what there is in the journal."""
        for batch in await self.rig.journal.take(1_000, 0):
            self.loader.take(batch)

    async def turn(self) -> None:
        """One turn of what the task does."""
        await self.read()
        await self._opener.step()
        await self.loader.step()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Go on until `condition` holds."""
        for _ in range(50):
            if condition():
                return
            await self.turn()
        raise AssertionError("it never does")

    async def until_loaded(self, *classes: int) -> None:
        """Go on until these classes, and no others, have a view to go on with."""
        await self.until(lambda: set(self.rig.custody.load_ids) == set(classes))

    @property
    def is_reading(self) -> bool:
        """Tell whether the journal of class 1 is read from its beginning."""
        return self.rig.journal.reading.get(1) == 0


async def loading(*puts: Put, servers: Servers | None = None) -> Loading:
    """A replica to which class 1 was given, with nothing in its database."""
    rig = await a_rig(servers=servers)
    await rig.append(*puts)
    it = Loading(rig)
    await it.place(1)
    return it
