"""Which broker leads each class, remembered until it turns out to be wrong."""

from collections.abc import Iterable

from factorsvc.adapters.kafka.client import Client
from factorsvc.adapters.kafka.layout import Topic
from factorsvc.adapters.kafka.topics import Leaders, leaders_of


class JournalLeaders:
    """Asks for the leaders of the journal's partitions when it has to."""

    def __init__(self, client: Client, topic: Topic) -> None:
        """Know nothing yet."""
        self._client = client
        self._topic = topic
        self._known: Leaders | None = None

    async def by_node(self, classes: Iterable[int]) -> dict[int, list[int]]:
        """Return `classes`, in their order, by the broker that leads them.

        Raises:
            NotYetError: somebody is not known at the moment.
            JournalMismatchError: the journal has another number of classes.
            JournalUnavailableError: no answer in time.
        """
        if self._known is None:
            self._known = (await leaders_of(self._client, [self._topic]))[self._topic.name]
        nodes: dict[int, list[int]] = {}
        for class_id in classes:
            nodes.setdefault(self._known[class_id], []).append(class_id)
        return nodes

    def forget(self) -> None:
        """Ask anew before the next answer: a broker has said that it does not lead, or nothing at all."""
        self._known = None
