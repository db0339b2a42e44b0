"""What a status looks like in the log: a version byte and JSON, which whoever looks into a broken cluster can read."""

import json
from typing import Any, Final

from factorsvc.domain.status import Status

VERSION: Final = 1


def status_bytes(status: Status) -> bytes:
    """The record of a status."""
    said = status._asdict() | {
        "serving": sorted(status.serving.items()),
        "restoring": sorted(status.restoring),
        "retiring": sorted(status.retiring),
    }
    return bytes([VERSION]) + json.dumps(said, separators=(",", ":")).encode("ascii")


def status_in(value: bytes | None) -> Status | None:
    """What a record of the log says; None: nothing that this version can read."""
    if not value or value[0] != VERSION:
        return None
    try:
        return _status(json.loads(value[1:]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _status(said: Any) -> Status:
    numbers = {name: _number(said[name]) for name in ("slot", "epoch", "at_ms", "values")}
    return Status(
        serving={_number(class_id): _number(lag) for class_id, lag in said["serving"]},
        restoring=frozenset(map(_number, said["restoring"])),
        retiring=frozenset(map(_number, said["retiring"])),
        leaving=said["leaving"] is True,
        full=said["full"] is True,
        **numbers,
    )


def _number(said: object) -> int:
    if type(said) is not int:
        raise TypeError(said)
    return said
