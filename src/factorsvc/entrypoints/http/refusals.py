"""The requests that HTTP itself refuses, before a use case sees them: the entrypoint's own leaves of the error tree."""

from factorsvc.domain.errors import RequestError


class MalformedBodyError(RequestError):
    """The body is no JSON document: not UTF-8, not JSON, nested without end, or broken off by the client."""

    def __init__(self) -> None:
        super().__init__("the body is not a JSON document in UTF-8")


class NotAnArrayError(RequestError):
    """The body is JSON, but no array."""

    def __init__(self) -> None:
        super().__init__("the body must be a JSON array of integers")


class BodyTooLargeError(RequestError):
    """The body has more than `limit_bytes` bytes; what came after them was not read."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body has more than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class UnsupportedMediaTypeError(RequestError):
    """The body is said to be something other than JSON."""

    def __init__(self) -> None:
        super().__init__("the content type must be application/json")


class NotAnIntegerError(RequestError):
    """What stands in the path where a prime belongs is not a decimal integer."""

    def __init__(self) -> None:
        super().__init__("the path must end in a prime in decimal digits")
