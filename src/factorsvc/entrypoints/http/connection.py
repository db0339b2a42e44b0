"""Sending an answer piece by piece to a client that may go away meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Message, Receive


async def run_while_connected(sending: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Run `sending` to its end, or cancel it when the client is gone: a server need not say so when it is sent more.

    An error of `sending` is raised as it is. In every case `sending` has ended when this returns.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            sent = tasks.create_task(sending, name="send")
            gone = tasks.create_task(_disconnected(receive), name="await disconnect")
            await asyncio.wait((sent, gone), return_when=asyncio.FIRST_COMPLETED)
            sent.cancel()
            gone.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def piece(body: bytes, *, more: bool = True) -> Message:
    """The message that carries a piece of a body; without `more` it is the last one."""
    return {"type": "http.response.body", "body": body, "more_body": more}
