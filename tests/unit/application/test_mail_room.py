"""The mailbox: questions are answered beside each other, frames go to their rounds, and neither waits for the other."""

import asyncio

import pytest

from factorsvc.application.answer_questions import AnswerQuestions
from factorsvc.application.mail_room import MailRoom
from factorsvc.application.open_answers import OpenAnswers
from factorsvc.application.policy import Policy
from factorsvc.domain.errors import JournalUnavailableError, SlotLostError
from factorsvc.domain.question import Frame, Message, RefusalReason
from tests.builders import a_member_text, a_page, a_put, a_question, a_refusal, an_answer
from tests.unit.application.asking import ALL, Asking
from tests.unit.application.building import (
    CLASSES,
    POLICY,
    Rig,
    a_rig,
    in_virtual_time,
    it_is_about,
    now_s,
    running,
    settled,
)

ASKER = 7
NEVER = {0: 99}
"""A read index that no view of these tests reaches."""


class Mail(Asking):
    """A replica that asks and is asked."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        answers = AnswerQuestions(rig.work, OpenAnswers(idle_s=10))
        self.room = running(MailRoom(rig.work, answers, self.rounds).run())

    def bring(self, *messages: Message) -> None:
        """Have these messages come to the mailbox."""
        self.rig.servers.broker.mail.append(self.rig.slot, messages)

    def cut(self) -> None:
        """Have the oldest messages be gone before they were read."""
        log = self.rig.servers.broker.mail.partitions[self.rig.slot]
        log.cut(log.end)


async def a_mail_room(policy: Policy = POLICY) -> Mail:
    """A mail room of a replica that serves one value, 6, and whose mailbox is being read."""
    rig = await a_rig(policy)
    await rig.serve(a_put(6))
    mail = Mail(rig)
    await settled()
    return mail


@in_virtual_time
async def test_a_question_is_answered_to_who_asked() -> None:
    mail = await a_mail_room()
    mail.bring(a_question(b"one", reply_to=ASKER, read_index=(0, 1)))
    to, frame = await mail.rig.mailbox.frame()

    assert (to, frame.question_id, frame.slot) == (ASKER, b"one", mail.rig.slot)
    assert [part.class_id for part in frame.parts] == [0, 1]


@in_virtual_time
async def test_an_answer_that_is_large_goes_in_frames() -> None:
    """Design 9: so many bytes at most, but each part whole."""
    size = len(a_member_text(6)) + 1
    mail = await a_mail_room(Policy(classes=CLASSES, frame_bytes=size))
    await mail.rig.serve(a_put(4), a_put(2))
    mail.bring(a_question(reply_to=ASKER, read_index=ALL))
    frames = [(await mail.rig.mailbox.frame())[1] for _ in ALL]

    assert [[part.class_id for part in frame.parts] for frame in frames] == [[0], [1], [2]]


@in_virtual_time
async def test_frames_go_to_the_round_that_asked() -> None:
    rig = await a_rig()
    mail = Mail(rig)
    await settled()
    mail.hear(ASKER, ALL)
    asking = mail.ask(2)
    _, question = await mail.question()
    mail.bring(Frame(question.question_id, ASKER, [an_answer(class_id, a_page(6)) for class_id in ALL]))

    assert [found.page for found in (await asking)[1]] == [a_page(6)] * CLASSES


@in_virtual_time
async def test_what_is_pending_at_a_gap_is_asked_anew() -> None:
    """Design 9."""
    rig = await a_rig()
    mail = Mail(rig)
    await settled()
    mail.hear(ASKER, ALL)
    asking = mail.ask(2)
    _, lost = await mail.question()
    mail.bring(Frame(lost.question_id, ASKER, [an_answer(class_id) for class_id in ALL]))
    mail.cut()
    _, again = await mail.question()
    assert again.question_id != lost.question_id
    assert now_s() < 0.5, "long before it would count as silence"

    mail.bring(Frame(again.question_id, ASKER, [an_answer(class_id) for class_id in ALL]))
    await asking


@in_virtual_time
async def test_a_question_that_waits_keeps_no_other_from_its_answer() -> None:
    mail = await a_mail_room()
    mail.bring(a_question(b"waits", reply_to=ASKER, read_index=NEVER), a_question(b"quick", reply_to=ASKER))
    _, frame = await mail.rig.mailbox.frame()
    assert frame.question_id == b"quick"
    assert it_is_about(0)

    _, frame = await mail.rig.mailbox.frame()
    assert (frame.question_id, frame.parts) == (b"waits", [a_refusal(0, RefusalReason.TOO_LATE)])
    assert it_is_about(5)


@in_virtual_time
async def test_too_many_questions_are_refused_at_once() -> None:
    """A queue would make all of them late. There is room again when those before are answered."""
    mail = await a_mail_room()
    waiting = [a_question(b"%d" % number, reply_to=ASKER, read_index=NEVER) for number in range(POLICY.questions)]
    mail.bring(*waiting, a_question(b"too many", reply_to=ASKER, read_index=(0, 2)))
    _, frame = await mail.rig.mailbox.frame()
    assert frame.question_id == b"too many"
    assert frame.parts == [a_refusal(0, RefusalReason.OVERLOADED), a_refusal(2, RefusalReason.OVERLOADED)]
    assert it_is_about(0)

    for _ in waiting:
        await mail.rig.mailbox.frame()
    mail.bring(a_question(b"later", reply_to=ASKER))
    _, frame = await mail.rig.mailbox.frame()
    assert frame.parts[0].class_id == 0
    assert not isinstance(frame.parts[0], type(a_refusal()))


@in_virtual_time
async def test_far_too_many_questions_are_met_with_silence() -> None:
    """The asker takes that for a refusal, and a flood of questions fills no memory with refusals that wait."""
    mail = await a_mail_room()
    gate = mail.rig.mailbox.faults.hold("send")
    mail.bring(*[a_question(b"%d" % number, reply_to=ASKER, read_index=NEVER) for number in range(POLICY.questions)])
    mail.bring(*[a_question(b"%d refused" % number, reply_to=ASKER) for number in range(POLICY.questions)])
    mail.bring(a_question(b"dropped", reply_to=ASKER))
    await gate.reached.wait()
    gate.open()
    heard = [(await mail.rig.mailbox.frame())[1].question_id for _ in range(2 * POLICY.questions)]
    assert len(set(heard)) == 2 * POLICY.questions
    assert b"dropped" not in heard
    assert not mail.rig.mailbox.has_sent


@in_virtual_time
async def test_an_answer_that_cannot_be_sent_is_silence() -> None:
    """Design 9: the asker takes that for a refusal. The room that it took is free again, and the next ones go out."""
    mail = await a_mail_room()
    lost = POLICY.questions + 1
    mail.rig.mailbox.faults.fail("send", *[JournalUnavailableError() for _ in range(lost)])
    mail.bring(*[a_question(b"%d" % number, reply_to=ASKER) for number in range(lost)])
    await settled()
    assert not mail.rig.mailbox.has_sent

    mail.bring(a_question(b"next", reply_to=ASKER))
    assert (await mail.rig.mailbox.frame())[1].question_id == b"next"


@in_virtual_time
async def test_a_lost_slot_ends_the_reading_of_its_mailbox() -> None:
    """P2."""
    mail = await a_mail_room()
    mail.rig.storage.faults.fail("read", SlotLostError(mail.rig.slot))
    mail.bring(a_question(b"waits", reply_to=ASKER, read_index=NEVER), a_question(b"fatal", reply_to=ASKER))

    with pytest.raises(ExceptionGroup) as caught:
        await mail.room
    assert caught.group_contains(SlotLostError)
    assert not mail.rig.mailbox.has_sent


@in_virtual_time
async def test_what_is_being_answered_ends_with_the_room() -> None:
    mail = await a_mail_room()
    gate = mail.rig.storage.faults.hold("read")
    mail.bring(a_question(reply_to=ASKER))
    await gate.reached.wait()
    mail.room.cancel()
    with pytest.raises(asyncio.CancelledError):
        await mail.room
    gate.open()
    await settled()

    assert not mail.rig.mailbox.has_sent
