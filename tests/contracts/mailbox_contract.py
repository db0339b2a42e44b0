"""What every `Mailbox` promises, whatever is behind it. A binding gives the fixture `server`."""

import asyncio
from abc import abstractmethod

import pytest

from factorsvc.domain.errors import JournalUnavailableError
from factorsvc.domain.ports.mailbox import Mail, Mailbox
from factorsvc.domain.question import Frame, Message
from tests.builders import a_page, a_question, a_refusal, an_answer
from tests.contracts.server import MOMENTS, PATIENCE_S, SOON_S, TroubledServer, cut_short, under_way, within


class MailServer(TroubledServer):
    """A server with the mailboxes of all slots."""

    @abstractmethod
    def client(self) -> Mailbox:
        """Return the access of one more replica, not opened."""

    @abstractmethod
    async def cut(self, slot: int) -> None:
        """Remove all messages that there are in the mailbox of `slot`."""


async def messages_of(mailbox: Mailbox, count: int) -> list[Message]:
    """Take until there were `count` messages; there must be no gap."""
    messages: list[Message] = []
    while len(messages) < count:
        mail = await within(mailbox.take(PATIENCE_S))
        assert not mail.gap
        messages += mail.messages
    return messages


NOTHING = Mail([], gap=False)


async def has_no_more(mailbox: Mailbox, slot: int, sender: Mailbox) -> None:
    """Fail if there is anything to take of `mailbox`, that of `slot`, before what is sent to it now."""
    fence = a_question(b"fence")
    await within(sender.send(slot, [fence]))
    assert await messages_of(mailbox, 1) == [fence]


class MailboxContract:
    """The promises of `Mailbox`."""

    @pytest.fixture
    async def box(self, server: MailServer) -> Mailbox:
        """The mailbox of slot 3, opened by its holder."""
        box = server.client()
        await within(box.open(3))
        return box

    @pytest.fixture
    async def other(self, server: MailServer) -> Mailbox:
        """The mailbox of slot 15, opened by its holder."""
        other = server.client()
        await within(other.open(15))
        return other

    async def test_messages_reach_the_slot_they_are_sent_to(self, box: Mailbox, other: Mailbox) -> None:
        """A question goes to one slot and nobody else; its answer comes back the same way, unchanged."""
        question = a_question(reply_to=15, primes=(2, 5), read_index={1: 17, 6: 0})
        answer = Frame(question.question_id, 3, [an_answer(1, a_page(2, 8), a_page()), a_refusal(6)])

        await within(other.send(3, [question]))
        assert await messages_of(box, 1) == [question]
        await within(box.send(15, [answer]))
        assert await messages_of(other, 1) == [answer]

        await has_no_more(box, 3, sender=other)
        await has_no_more(other, 15, sender=box)

    async def test_messages_of_one_send_keep_their_order(self, box: Mailbox, other: Mailbox) -> None:
        """Several messages go at once; also to oneself, and none at all."""
        questions = [a_question(b"%d" % number) for number in range(300)]

        await within(other.send(3, questions))
        await within(other.send(3, []))
        await within(box.send(3, questions[:2]))

        assert await messages_of(box, 302) == [*questions, *questions[:2]]

    async def test_reads_from_the_end_as_of_open(self, server: MailServer, box: Mailbox) -> None:
        """What was sent before `open` is for the previous holder; what is sent once it has returned is not missed."""
        await within(box.send(7, [a_question(b"before")]))
        newcomer = server.client()
        await within(newcomer.open(7))
        await within(box.send(7, [a_question(b"after")]))

        assert await messages_of(newcomer, 1) == [a_question(b"after")]

    async def test_opened_for_another_slot(self, box: Mailbox, other: Mailbox) -> None:
        """A replica that claims another slot reads that slot's mailbox from then on, and no more the old one."""
        await within(other.send(3, [a_question(b"old")]))
        await within(box.open(4))
        await within(other.send(3, [a_question(b"old")]))
        await within(other.send(4, [a_question(b"new")]))

        assert await messages_of(box, 1) == [a_question(b"new")]
        await within(other.send(3, [a_question(b"old")]))
        await has_no_more(box, 4, sender=other)

    async def test_opened_while_a_take_waits(self, box: Mailbox, other: Mailbox) -> None:
        """A take under way does not disturb the position that `open` has sought meanwhile."""
        async with asyncio.TaskGroup() as group:
            taking = await under_way(group, box.take(PATIENCE_S))
            await within(box.open(4))
            await within(other.send(3, [a_question(b"old")]))
            await within(other.send(4, [a_question(b"new")]))

        read = list(taking.result().messages)
        if a_question(b"new") not in read:
            read += await messages_of(box, 1)
        assert read in ([a_question(b"old"), a_question(b"new")], [a_question(b"new")])

    async def test_nothing_sent(self, box: Mailbox) -> None:
        """`take` waits no longer than it was told to."""
        assert await within(box.take(SOON_S)) == NOTHING
        assert await within(box.take(0)) == NOTHING

    async def test_send_ends_the_waiting_of_take(self, box: Mailbox, other: Mailbox) -> None:
        """A question is read when it comes, not when the time of a take is over."""
        async with asyncio.TaskGroup() as group:
            taking = await under_way(group, box.take(100 * PATIENCE_S))
            await within(other.send(3, [a_question()]))

        assert taking.result() == Mail([a_question()], gap=False)

    async def test_cancelled_take_loses_nothing(self, box: Mailbox, other: Mailbox) -> None:
        """A message that came while a take was cancelled is left for the next one, whenever the cancellation comes."""
        sent = [a_question(b"%d" % number) for number in range(len(MOMENTS))]
        read: list[Message] = []
        for question, turns in zip(sent, MOMENTS, strict=True):
            mail = await cut_short(box.take(PATIENCE_S), other.send(3, [question]), turns)
            read += mail.messages if mail else []

        assert read + await messages_of(box, len(sent) - len(read)) == sent

    async def test_gap(self, server: MailServer, box: Mailbox, other: Mailbox) -> None:
        """Messages that were removed unread are a gap, reported once and before those that came after it."""
        await within(other.send(3, [a_question(b"missed")]))
        await server.cut(3)
        await within(other.send(3, [a_question(b"after")]))

        mail = await within(box.take(PATIENCE_S))

        assert mail.gap
        assert list(mail.messages) == [a_question(b"after")] or await messages_of(box, 1) == [a_question(b"after")]
        await has_no_more(box, 3, sender=other)

    @pytest.mark.parametrize("trouble", ["silence", "postpone", "refuse"])
    async def test_send_out_of_reach(self, server: MailServer, box: Mailbox, other: Mailbox, trouble: str) -> None:
        """Not acknowledged in time it raises; the messages may arrive all the same, and later ones do."""
        lost = a_question(b"lost")
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(other.send(3, [lost]))

        await server.heal()
        await within(other.send(3, [a_question()]))
        read = await messages_of(box, 1)
        while read[-1] != a_question():
            read += await messages_of(box, 1)
        assert read in ([a_question()], [lost, a_question()])

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_open_out_of_reach(self, server: MailServer, trouble: str) -> None:
        """Without knowing the end there is nothing to read from: it raises, and can be opened later."""
        newcomer = server.client()
        await getattr(server, trouble)()

        with pytest.raises(JournalUnavailableError):
            await within(newcomer.open(3))

        await server.heal()
        await within(newcomer.open(3))

    @pytest.mark.parametrize("trouble", ["silence", "refuse"])
    async def test_unreachable_mailbox_is_silence(
        self, server: MailServer, box: Mailbox, other: Mailbox, trouble: str
    ) -> None:
        """`take` returns nothing when its time is over, and later goes on where it was."""
        await within(other.send(3, [a_question()]))
        await getattr(server, trouble)()

        assert await within(box.take(SOON_S)) == NOTHING

        await server.heal()
        assert await messages_of(box, 1) == [a_question()]
