"""Taking a request's body in, no further than the limit."""

from starlette.requests import ClientDisconnect, Request

from factorsvc.entrypoints.http.refusals import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError


def require_json(request: Request) -> None:
    """Let a body pass that says it is JSON, in whatever charset (JSON is UTF-8: RFC 8259 11), or that says nothing.

    Raises:
        UnsupportedMediaTypeError: it is said to be something else.
    """
    content_type = request.headers.get("content-type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaTypeError


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body, chunked or not, without ever holding much more than `limit_bytes` of it.

    A body that is announced as too large is refused unread, so a client that waits for "100 Continue" never sends it.

    Raises:
        BodyTooLargeError: it has more bytes than the limit.
        MalformedBodyError: the client went away before its end.
    """
    announced = request.headers.get("content-length", "").lstrip("0")
    if len(announced) > len(str(limit_bytes)) or (announced.isdecimal() and int(announced) > limit_bytes):
        raise BodyTooLargeError(limit_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit_bytes:
                raise BodyTooLargeError(limit_bytes)
    except ClientDisconnect:
        raise MalformedBodyError from None
    return bytes(body)
