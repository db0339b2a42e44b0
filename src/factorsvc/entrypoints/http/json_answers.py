"""Values as JSON, joined from fragments that are ready: nothing is parsed or encoded again (design 7)."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from factorsvc.application.answer import Answer
from factorsvc.domain.errors import FactorsvcError
from factorsvc.domain.value import FactoredValue, join_members, json_of
from factorsvc.entrypoints.http.connection import piece, run_while_connected

_HEADERS: Final = {"Cache-Control": "no-store"}  # a cache on the way would answer a GET without later POSTs (P5)


class AnswerBrokenOffError(Exception):
    """The rest of an answer that has begun cannot be had.

    Raised out of the application, it makes the server close the connection without the last chunk, which tells the
    client that the answer is not whole. It is no FactorsvcError: no handler may end the answer cleanly.
    """


def answer_with_stored(values: Iterable[FactoredValue]) -> Response:
    """The answer that shows `values` in their order."""
    page = join_members(value.member for value in values)
    return JsonAnswer(b"[%b]" % _objects([page] if page else []))


def answer_with_found(answer: Answer) -> Response:
    """The answer that shows all of `answer`, and that closes it."""
    if answer.more is None:
        return JsonAnswer(b"[%b]" % _objects(answer.pages))
    return PagedAnswer(answer.pages, answer.more)


class JsonAnswer(Response):
    """A whole JSON document that is ready."""

    media_type: str | None = "application/json"

    def __init__(self, document: bytes) -> None:
        super().__init__(document, headers=_HEADERS)


class PagedAnswer(Response):
    """A JSON array whose pages are pulled only when the client has taken the ones before (P9).

    `more` is closed in every case: at the end, on an error, and when the client goes away.
    """

    media_type: str | None = "application/json"

    def __init__(self, pages: Sequence[bytes], more: AsyncGenerator[bytes, None]) -> None:
        # What Response does, without the body whose length it would announce.
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)
        self._pages = pages
        self._more = more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer.

        Raises:
            AnswerBrokenOffError: the next page cannot be had.
        """
        async with aclosing(self._more):
            try:
                await run_while_connected(self._send(send), receive)
            except FactorsvcError as error:
                raise AnswerBrokenOffError from error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        before = b"["
        async with aclosing(self._all_pages()) as pages:
            async for page in pages:
                await send(piece(before + json_of(page)))
                before = b","
                # Neither a page at hand nor sending to a client that is gone lets other tasks run, among them the one
                # that sees that it is gone: without this, all pages would be pulled for nobody.
                await asyncio.sleep(0)
        await send(piece(b"]" if before == b"," else b"[]", more=False))

    async def _all_pages(self) -> AsyncGenerator[bytes, None]:
        for page in self._pages:
            yield page
        async for page in self._more:
            yield page


def _objects(pages: Iterable[bytes]) -> bytes:
    return b",".join(map(json_of, pages))
