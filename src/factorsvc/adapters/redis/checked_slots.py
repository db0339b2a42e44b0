"""Slots of a server that is looked at before the first claim."""

import logging
from typing import Final

from factorsvc.adapters.redis.confinement import Confinement
from factorsvc.adapters.redis.connection import Login, Server
from factorsvc.adapters.redis.server_checks import check_server
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim

_LOG: Final = logging.getLogger("factorsvc.redis")


class CheckedSlots(SlotAllocator):
    """Hands out the slots of another allocator once the server has been found good; what is odd of it is logged."""

    def __init__(self, slots: SlotAllocator, server: Server, login: Login, confinement: Confinement) -> None:
        """Look at `server` as `login` before the first claim of `slots`, which `confinement` keeps to themselves."""
        self._slots = slots
        self._server = server
        self._login = login
        self._confinement = confinement
        self._is_checked = False

    async def claim(self) -> SlotClaim | None:
        if not self._is_checked:
            for warning in await check_server(self._server, self._login, self._confinement):
                _LOG.warning("redis_warning", extra={"warning": warning})
            self._is_checked = True
        return await self._slots.claim()
