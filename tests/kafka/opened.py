"""What the tests of this folder open the journal with."""

from collections.abc import Callable
from random import Random

from factorsvc.adapters.kafka.access import Access
from factorsvc.adapters.kafka.bus import Part
from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Layout
from factorsvc.adapters.kafka.opening import Opening
from tests.contracts.kafka_server import KafkaServer

random_bytes: Callable[[int], bytes] = Random(7).randbytes


class Opener(Part):
    """A client, and the opening that asks through it."""

    def __init__(self, access: Access, layout: Layout) -> None:
        """Prepare to open the journal of `layout`."""
        self.client = Client(access)
        self.opening = Opening(self.client, layout, random_bytes)

    async def close(self) -> None:
        self.client.close()


def opener(server: KafkaServer, layout: Layout | None = None) -> Opener:
    """One more replica, as far as it opens the journal."""
    return server.admit(lambda access: Opener(access, layout or server.layout()))
