"""flint, leaving a mark whenever a process begins a number, so that a test knows when to strike."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from factorsvc.adapters.factorizers import flint
from factorsvc.adapters.factorizers.engine import Engine

R = TypeVar("R")

FOLDER: Final = "FOLDER_OF_MARKS"  # the variable by which the processes know where


def factor_one(number: int) -> tuple[int, ...]:
    """Say who begins `number`, and factor it."""
    Path(os.environ[FOLDER], f"{number}.{os.getpid()}").touch()
    return flint.factor_one(number)


def beginners(number: int) -> list[int]:
    """The processes that began `number`."""
    return [int(mark.suffix[1:]) for mark in Path(os.environ[FOLDER]).glob(f"{number}.*")]


async def until(look: Callable[[], R]) -> R:
    """Wait until `look` sees something; return it. What other processes do rings no bell, so look again and again."""
    async with asyncio.timeout(30):
        while True:
            if seen := look():
                return seen
            await asyncio.sleep(0.01)


async def begun(number: int) -> int:
    """Wait until some process began `number`; return the first that was found."""
    return (await until(lambda: beginners(number)))[0]


ENGINE: Final = Engine(factor_one, flint.is_prime, easy_bits=63, litter=flint.ENGINE.litter)
