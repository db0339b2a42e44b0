"""What an error reply means that nothing has provided for."""

from typing import Any

from redis.exceptions import ResponseError

from factorsvc.domain.errors import StorageUnavailableError


def require_done(replies: list[Any]) -> list[Any]:
    """Return `replies`, of which none may be an error.

    Raises:
        StorageUnavailableError: a command was refused, as by a server that cannot save (MISCONF) or was demoted
            (READONLY): what is right to ask is not done now, and may be done later.
    """
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise StorageUnavailableError(f"the server refuses: {str(reply).partition(' ')[0]}") from reply
    return replies
