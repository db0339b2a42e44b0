"""Telling a story: every command is checked before the first is done, then each is done in its turn."""

import asyncio
from collections.abc import Sequence

from tests.scenarios.grammar import Step, steps_of
from tests.scenarios.script import Script
from tests.scenarios.vocabulary import Vocabulary
from tests.scenarios.world import Shape, World


async def tell(script: Script, world: World) -> list[str]:
    """Tell `script` in a new `world` and return what each command printed.

    Raises:
        ScriptError: the story cannot be told; nothing was done.
    """
    steps = steps_of(script)
    shape = Shape(**steps[0].options) if steps and steps[0].verb == "cluster" else Shape()
    await world.found(shape)
    async with asyncio.TaskGroup() as group:
        teller = _Teller(Vocabulary(world, shape, group), world, group)
        return [await teller.tell(step) for step in steps]


class _Teller:
    """Does one step after the other, and beside them what was begun with `&`."""

    def __init__(self, vocabulary: Vocabulary, world: World, group: asyncio.TaskGroup) -> None:
        self._vocabulary = vocabulary
        self._world = world
        self._group = group
        self._begun: list[tuple[Step, asyncio.Task[str]]] = []

    async def tell(self, step: Step) -> str:
        """Do `step` and return what it prints."""
        if step.verb == "cluster":
            return ""
        if step.verb == "wait":
            return await self._wait()
        if not step.command.in_background:
            return await self._do(step)
        self._begun.append((step, self._group.create_task(self._do(step))))
        await self._world.under_way()
        return ""

    async def _wait(self) -> str:
        """Wait for all that was begun, in that order."""
        said = [f"{step.command.foreground}: {await task or 'done'}" for step, task in self._begun]
        self._begun.clear()
        return "\n".join(said)

    async def _do(self, step: Step) -> str:
        told: str | Sequence[str] | None = await getattr(self._vocabulary, step.verb)(*step.words, **step.options)
        return told if isinstance(told, str) else "\n".join(told or ())
