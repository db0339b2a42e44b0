"""What every `Factorizer` promises. A binding gives the fixture `make_factorizer`."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from factorsvc.domain.errors import FactoringTimeoutError, OverloadedError
from factorsvc.domain.ports.factorizer import Factorizer

# Makes a factorizer of so many workers, in front of which so many requests may wait.
MakeFactorizer = Callable[[int, int], Factorizer]

PRIMES: Final = [2**33 - less for less in (9, 25, 49, 79, 105, 285, 301)]
PAIRS: Final = [tuple(sorted(pair)) for pair in zip(PRIMES[1:], PRIMES, strict=False)]
HARD: Final = [p * q for p, q in PAIRS]  # just not easy: no time at all for a worker
ENDLESS: Final = 260705413163994795808107227980273700401 * 332995204374932790576433577889636640537  # takes weeks
ENDLESS_TOO: Final = 270016398624232225470861936993089500391 * 263583564033664112601676154113997779883

EASY: Final = [
    (1, ()),
    (2, (2,)),
    (144, (2, 2, 2, 2, 3, 3)),
    (120, (2, 2, 2, 3, 5)),
    (561, (3, 11, 17)),
    (2**61 - 1, (2**61 - 1,)),
    (2**255, (2,) * 255),
    (997**25, (997,) * 25),
    (720 * (2**127 - 1), (2, 2, 2, 2, 3, 3, 5, 2**127 - 1)),
    (2**255 - 19, (2**255 - 19,)),
]


def at(seconds: float) -> float:
    """The instant so far from now by the event loop's clock."""
    return asyncio.get_running_loop().time() + seconds


async def settle() -> None:
    """Let every task go on until it waits for something outside the event loop."""
    for _ in range(10):
        await asyncio.sleep(0)


class FactorizerContract:
    """Factoring with one deadline a call, and the three ways in which a call can end without an answer."""

    async def test_factors_are_sorted_and_repeated(self, make_factorizer: MakeFactorizer) -> None:
        """Each factor as often as it divides, ascending; 1 has none."""
        factorizer = make_factorizer(1, 0)
        for number, factors in EASY:
            assert await factorizer.factor([number], at(60)) == [factors]

    @pytest.mark.parametrize(
        ("number", "factors"),
        [
            (732_898_212_619, (767_321, 955_139)),
            (456_907_204_051_828_891_562, (2, 141_101, 1_109_287, 1_459_566_863)),
        ],
    )
    async def test_factors_are_sorted_though_flint_finds_a_larger_one_first(
        self, number: int, factors: tuple[int, ...], make_factorizer: MakeFactorizer
    ) -> None:
        """An easy number and a hard one that python-flint 0.9 answers out of order."""
        assert await make_factorizer(1, 0).factor([number], at(60)) == [factors]

    async def test_results_stand_in_the_order_of_the_numbers(self, make_factorizer: MakeFactorizer) -> None:
        """Easy and hard mixed, duplicates included."""
        numbers = [HARD[1], 144, HARD[0], 1, HARD[1], 144]
        results = await make_factorizer(2, 0).factor(numbers, at(60))
        assert results == [PAIRS[1], (2, 2, 2, 2, 3, 3), PAIRS[0], (), PAIRS[1], (2, 2, 2, 2, 3, 3)]

    async def test_no_numbers_have_no_results(self, make_factorizer: MakeFactorizer) -> None:
        """An empty call gives an empty list."""
        assert await make_factorizer(1, 0).factor([], at(60)) == []

    @pytest.mark.parametrize("number", [2, 3, 65_537, 2**61 - 1, 2**127 - 1, 2**255 - 19])
    async def test_primes_are_known(self, number: int, make_factorizer: MakeFactorizer) -> None:
        """`is_prime` of a prime; its negative is none."""
        factorizer = make_factorizer(1, 0)
        assert factorizer.is_prime(number)
        assert not factorizer.is_prime(-number)

    @pytest.mark.parametrize("number", [0, 1, -1, 4, 561, 3_215_031_751, 2**67 - 1, 2**254, ENDLESS])
    async def test_others_are_no_primes(self, number: int, make_factorizer: MakeFactorizer) -> None:
        """`is_prime` of 0, units, composites, Carmichael numbers and strong pseudoprimes."""
        assert not make_factorizer(1, 0).is_prime(number)

    async def test_the_number_that_held_a_worker_at_the_deadline_is_named(
        self, make_factorizer: MakeFactorizer
    ) -> None:
        """Not one that was done, and not one that was still waiting."""
        factorizer = await _warm(make_factorizer(1, 0))
        with pytest.raises(FactoringTimeoutError) as late:
            await factorizer.factor([144, HARD[0], ENDLESS, ENDLESS_TOO], at(0.5))
        assert late.value.number == ENDLESS
        assert late.value.limit_s == 0.5

    async def test_a_worker_is_free_again_after_a_deadline(self, make_factorizer: MakeFactorizer) -> None:
        """The only worker factors the next number: what held it was stopped."""
        factorizer = await _warm(make_factorizer(1, 0))
        with pytest.raises(FactoringTimeoutError):
            await factorizer.factor([ENDLESS], at(0.1))
        assert await factorizer.factor([HARD[0]], at(60)) == [PAIRS[0]]

    async def test_a_number_that_never_got_a_worker_is_not_to_blame(self, make_factorizer: MakeFactorizer) -> None:
        """It is the replica that was too busy until the deadline, with another call's number."""
        factorizer = make_factorizer(1, 1)
        async with asyncio.TaskGroup() as calls:
            holder = calls.create_task(factorizer.factor([ENDLESS], at(60)))
            await settle()
            with pytest.raises(OverloadedError):
                await factorizer.factor([HARD[0]], at(0.1))
            assert not holder.done()
            holder.cancel()

    async def test_the_line_is_bounded(self, make_factorizer: MakeFactorizer) -> None:
        """Beyond its end a call is refused at once: those before it, with an earlier deadline, still wait."""
        factorizer = make_factorizer(1, 2)
        async with asyncio.TaskGroup() as calls:
            admitted = [calls.create_task(factorizer.factor([ENDLESS], at(15))) for _ in range(3)]
            await settle()
            with pytest.raises(OverloadedError):
                await factorizer.factor([ENDLESS_TOO], at(30))
            assert not any(call.done() for call in admitted)
            _cancel(admitted)

    async def test_a_cancelled_caller_frees_its_worker(self, make_factorizer: MakeFactorizer) -> None:
        """The only worker takes the next number, though it would have been busy for weeks."""
        factorizer = await _warm(make_factorizer(1, 0))
        async with asyncio.TaskGroup() as calls:
            holder = calls.create_task(factorizer.factor([ENDLESS], at(15)))
            await settle()
            holder.cancel()
        assert holder.cancelled()
        assert await factorizer.factor([HARD[0]], at(60)) == [PAIRS[0]]

    async def test_a_cancelled_caller_frees_its_place_in_the_line(self, make_factorizer: MakeFactorizer) -> None:
        """Who comes next is not refused, and gets the worker when it is free."""
        factorizer = make_factorizer(1, 1)
        async with asyncio.TaskGroup() as calls:
            holder = calls.create_task(factorizer.factor([ENDLESS], at(15)))
            waiting = calls.create_task(factorizer.factor([ENDLESS_TOO], at(15)))
            await settle()
            waiting.cancel()
            await settle()
            next_one = calls.create_task(factorizer.factor([HARD[0]], at(60)))
            await settle()
            assert not next_one.done()
            holder.cancel()
        assert next_one.result() == [PAIRS[0]]

    async def test_hard_numbers_do_not_hold_up_easy_ones(self, make_factorizer: MakeFactorizer) -> None:
        """Ten callers hold and await all workers; easy numbers are factored meanwhile."""
        factorizer = make_factorizer(2, 8)
        async with asyncio.TaskGroup() as calls:
            hard = [calls.create_task(factorizer.factor([ENDLESS, 144], at(15))) for _ in range(10)]
            await settle()
            for number, factors in EASY:
                assert await factorizer.factor([number], at(60)) == [factors]
            assert not any(call.done() for call in hard)
            _cancel(hard)

    async def test_a_call_of_many_hard_numbers_does_not_hold_up_one_of_few(
        self, make_factorizer: MakeFactorizer
    ) -> None:
        """Calls take turns, number by number."""
        factorizer = await _warm(make_factorizer(1, 1))
        finished: list[str] = []

        async def factor(name: str, numbers: list[int]) -> None:
            await factorizer.factor(numbers, at(60))
            finished.append(name)

        async with asyncio.TaskGroup() as calls:
            calls.create_task(factor("many", HARD))
            await asyncio.sleep(0)
            calls.create_task(factor("few", HARD[:1]))
        assert finished == ["few", "many"]

    async def test_a_long_batch_of_easy_numbers_lets_others_go_first(self, make_factorizer: MakeFactorizer) -> None:
        """Thousands of numbers are factored in slices: a call that comes meanwhile is answered before they are done."""
        factorizer = make_factorizer(1, 0)
        async with asyncio.TaskGroup() as calls:
            batch = calls.create_task(factorizer.factor(range(10**9, 10**9 + 3_000), at(60)))
            await asyncio.sleep(0)
            assert await factorizer.factor([144], at(60)) == [(2, 2, 2, 2, 3, 3)]
            assert not batch.done()
        assert len(batch.result()) == 3_000

    async def test_the_deadline_holds_for_a_long_batch_of_easy_numbers_too(
        self, make_factorizer: MakeFactorizer
    ) -> None:
        """None of its numbers is to blame, so the replica is."""
        with pytest.raises(OverloadedError):
            await make_factorizer(1, 0).factor(range(10**9, 10**9 + 3_000), at(0))


async def _warm(factorizer: Factorizer) -> Factorizer:
    """Have a worker up, so that a short deadline is not over before there is one."""
    assert await factorizer.factor([HARD[-1]], at(60)) == [PAIRS[-1]]
    return factorizer


def _cancel(tasks: list[asyncio.Task[list[tuple[int, ...]]]]) -> None:
    for task in tasks:
        task.cancel()
