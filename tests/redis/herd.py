"""Many processes at one server, seen from outside: who holds what, by their own account."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.cli.command import Command
from tests.servers.redis_server import RedisServer

ROOT = Path(__file__).parents[2]


class Holder(NamedTuple):
    """Who holds a slot, and by which claim."""

    process: int
    epoch: int


class Herd:
    """The processes of `tests.redis.herd_members`; what is known of them is what they have told until now."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        assert parent.stdin is not None
        self._orders = parent.stdin
        self._told = Command(parent)
        self._newest: dict[int, int] = {}
        self.holders: dict[int, Holder] = {}
        """By slot, who has written there. Who was killed or is frozen still counts, until another has written there."""
        self.standbys: set[int] = set()
        self.overslept: set[Holder] = set()
        """Whose claims are over because they did not renew their leases in time; there is no other reason."""
        self.writes = 0
        """How many the server has accepted, of claims that are lost."""

    def grow(self, number: int) -> None:
        """Start so many more."""
        self._orders.write(f"{number}\n")
        self._orders.flush()

    def signal(self, process: int, number: signal.Signals) -> None:
        """Send one of them a signal."""
        os.kill(process, number)

    def wait_for_another(self, slot: int, former: Holder) -> None:
        """Return when another than `former` holds `slot`."""
        while self.holders.get(slot, former) == former:
            self._hear()

    def wait_for_order(self, holding: int, standing_by: int) -> None:
        """Return when so many slots are held, by as many processes, and so many others know that all are taken."""
        while True:
            processes = {holder.process for holder in self.holders.values()}
            if (len(self.holders), len(processes)) == (holding, holding) and len(self.standbys) == standing_by:
                return
            self._hear()

    def _hear(self) -> None:
        """Take in what one of them tells next."""
        told = json.loads(self._told.line())
        process, event, slot = told["process"], told["event"], told.get("slot")
        holder = Holder(process, told.get("epoch", 0))
        assert event in {"holds", "stands by", "lost", "ended"}, told
        if event == "holds" and holder.epoch >= self._newest.get(slot, 0):  # the same if it has its own slot again
            self._newest[slot] = holder.epoch
            self.holders[slot] = holder
        if event == "stands by":
            self.standbys.add(process)
        else:
            self.standbys.discard(process)
        if event == "lost":
            assert not told["was_sure"], f"thrown out: {told}"
            self.overslept.add(holder)
            self.writes += told["writes"]
            if self.holders.get(slot) == holder:
                del self.holders[slot]

    def end(self) -> None:
        """End all of them."""
        self._orders.close()
        self._told.exit_code()
        self._told.join()


@contextmanager
def herd_at(server: RedisServer, lease_ttl_s: float) -> Iterator[Herd]:
    """None yet, who will be at `server`, and end with this context."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.redis.herd_members", str(server.port), str(lease_ttl_s)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as parent:
        herd = Herd(parent)
        try:
            yield herd
        finally:
            herd.end()
