"""Every error as an RFC 9457 problem: which status, which type, whether to try again, and what became of a POST.

The whole decision is one table. A problem tells the client what it needs to act on and nothing of the inside: errors
whose message comes from a server or a library have a fixed detail.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from starlette.responses import Response

from factorsvc.domain import errors
from factorsvc.entrypoints.http import refusals

MEDIA_TYPE: Final = "application/problem+json"
OUTCOME_HEADER: Final = "X-Factorsvc-Outcome"
NOTHING_STORED: Final = "nothing-stored"
UNKNOWN: Final = "unknown"

_MAX_DETAIL: Final = 300  # characters, each at most 12 bytes once escaped, so that a problem stays below 4 KiB
_LONG_NUMBER: Final = re.compile(r"\d{81,}")  # longer than any number of 256 bits
_KEPT_DIGITS: Final = 20


class ProblemKind(NamedTuple):
    """What all problems of one type have in common."""

    slug: str
    status: int
    title: str
    retry_after_s: int | None = None
    """After how many seconds the same request may well succeed; None if trying again does not help."""
    nothing_stored: bool = False
    """Whether a POST that is answered so has surely stored nothing (P8)."""
    detail: str | None = None
    """What to say instead of the error's own message."""

    @property
    def type(self) -> str:
        """The URI that names this type of problem (RFC 9457 3.1.1)."""
        return f"urn:factorsvc:problem:{self.slug}"


_UNAVAILABLE = ProblemKind(
    "unavailable", 503, "A part of the service does not answer", 1, detail="a part of the service does not answer now"
)
_FULL = ProblemKind("full", 507, "No room left", 10, detail="no room: a database of the cluster is full")

MALFORMED_REQUEST: Final = ProblemKind(
    "malformed-request", 400, "Not an HTTP request", detail="what came over this connection is not HTTP/1.1"
)
NOT_FOUND: Final = ProblemKind("not-found", 404, "Nothing is here", detail="there is nothing at this path")
METHOD_NOT_ALLOWED: Final = ProblemKind(
    "method-not-allowed", 405, "Method not allowed", detail="this path has other methods: see Allow"
)
INTERNAL: Final = ProblemKind("internal", 500, "Internal error", detail="the server failed; its log says why")

KINDS: Final[Mapping[type[Exception], ProblemKind]] = MappingProxyType(
    {
        refusals.MalformedBodyError: ProblemKind("malformed-body", 400, "The body is not JSON"),
        refusals.BodyTooLargeError: ProblemKind("body-too-large", 413, "The body is too large"),
        errors.BatchTooLargeError: ProblemKind("batch-too-large", 413, "Too many numbers"),
        refusals.UnsupportedMediaTypeError: ProblemKind("unsupported-media-type", 415, "The body must be JSON"),
        refusals.NotAnArrayError: ProblemKind("not-an-array", 422, "The body is not an array"),
        errors.InvalidNumberError: ProblemKind("invalid-number", 422, "Not an integer of at least 1"),
        errors.NumberTooLargeError: ProblemKind("number-too-large", 422, "A number is too large"),
        errors.InvalidTtlError: ProblemKind("invalid-ttl", 422, "Invalid ttl"),
        errors.FactoringTimeoutError: ProblemKind("factoring-timeout", 422, "A number is too hard to factor"),
        refusals.NotAnIntegerError: ProblemKind("not-an-integer", 422, "Not an integer"),
        errors.NotPrimeError: ProblemKind("not-prime", 422, "Not a prime"),
        errors.NotReadyError: ProblemKind("not-ready", 503, "Not ready", 1, nothing_stored=True),
        errors.OverloadedError: ProblemKind("overloaded", 503, "Overloaded", 1, nothing_stored=True),
        errors.NotCoveredError: ProblemKind("not-covered", 503, "Not all of the server can answer", 1),
        errors.NotStoredError: ProblemKind(
            "not-stored", 503, "Not stored", 1, nothing_stored=True, detail="nothing was stored; posting again is safe"
        ),
        errors.OutcomeUnknownError: ProblemKind(
            "outcome-unknown", 503, "Perhaps stored", 1, detail="the numbers may be stored; posting again is safe"
        ),
        errors.ClusterFullError: _FULL._replace(nothing_stored=True),
        errors.StorageFullError: _FULL,
        errors.SlotLostError: _UNAVAILABLE,
        errors.StorageUnavailableError: _UNAVAILABLE,
        errors.RemovalUnknownError: _UNAVAILABLE,
        errors.StorageMismatchError: _UNAVAILABLE,
        errors.StorageConflictError: _UNAVAILABLE,
        errors.JournalUnavailableError: _UNAVAILABLE,
        errors.JournalMismatchError: _UNAVAILABLE,
        errors.JournalReplacedError: _UNAVAILABLE,
        errors.OutOfRangeError: _UNAVAILABLE,
    }
)


def answer_to_error(error: Exception, method: str) -> Response:
    """The problem that `error`, one of the tree, is to a client that used `method`."""
    kind = KINDS[type(error)]
    return answer_with(kind, method, detail=kind.detail or str(error))


def answer_with(
    kind: ProblemKind, method: str, *, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The response that says `kind`, and for a POST that was not refused what became of it."""
    said = dict(headers or {})
    problem = problem_of(kind, detail)
    if kind.retry_after_s is not None:
        said["Retry-After"] = str(kind.retry_after_s)
    if (outcome := outcome_of(kind, method)) is not None:
        problem["outcome"] = said[OUTCOME_HEADER] = outcome
    said["Cache-Control"] = "no-store"
    return Response(json.dumps(problem), kind.status, said, MEDIA_TYPE)


def problem_of(kind: ProblemKind, detail: str | None = None) -> dict[str, str | int]:
    """The members that each problem has; `detail` is shortened if it is long."""
    text = _LONG_NUMBER.sub(_shortened, detail or kind.detail or kind.title)[:_MAX_DETAIL]
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": text}


def outcome_of(kind: ProblemKind, method: str) -> str | None:
    """What became of a POST that the server failed to serve (P8); None if there is nothing to tell."""
    if method != "POST" or kind.status < INTERNAL.status:
        return None
    return NOTHING_STORED if kind.nothing_stored else UNKNOWN


def _shortened(number: re.Match[str]) -> str:
    digits = number[0]
    return f"{digits[:_KEPT_DIGITS]}...{digits[-_KEPT_DIGITS:]} ({len(digits)} digits)"
