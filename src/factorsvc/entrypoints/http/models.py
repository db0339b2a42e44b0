"""The shapes of requests and answers, for the OpenAPI document and for its readers.

Bodies with values are parsed by `parsing` and joined by `json_answers`, which tests hold to these models; the small
documents of the status routes are made by them.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from factorsvc.domain.status import Readiness, Status

Natural = Annotated[int, Field(strict=True, ge=1)]


class CreateValuesRequest(RootModel[list[Natural]]):
    """Integers to store. Nothing but integers: 3.0, "3" and true are refused, and the whole request with them."""

    model_config = ConfigDict(json_schema_extra={"examples": [[144, 120]]})


class CalculatedValueEntity(BaseModel):
    """A stored integer with its prime factors."""

    value: Natural
    prime_factors: Annotated[list[Natural], Field(description="Ascending, with repetition; none for 1.")]


class SetValueResponse(RootModel[list[CalculatedValueEntity]]):
    """Stored integers, each with its prime factors."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                [
                    {"value": 144, "prime_factors": [2, 2, 2, 2, 3, 3]},
                    {"value": 120, "prime_factors": [2, 2, 2, 3, 5]},
                ]
            ]
        }
    )


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(description="Names the kind of problem: `urn:factorsvc:problem:...`.")]
    title: Annotated[str, Field(description="The kind of problem in words.")]
    status: Annotated[int, Field(description="The status of the response.")]
    detail: Annotated[str, Field(description="What is wrong with this request, or with the server now.")]
    outcome: Annotated[
        Literal["nothing-stored", "unknown"] | None,
        Field(description="What became of a POST that the server failed to serve. Posting again is safe."),
    ] = None


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The replica takes requests."""

    slot: Annotated[int, Field(description="The number of the database that this replica holds.")]
    epoch: Annotated[int, Field(description="The claim's epoch: larger than that of any earlier claim.")]
    classes: Annotated[int, Field(description="How many classes it serves itself.")]


class ReplicaStatus(BaseModel):
    """What one replica last said of itself."""

    slot: int
    epoch: int
    serving: Annotated[list[int], Field(description="The classes it answers for.")]
    restoring: list[int]
    retiring: Annotated[list[int], Field(description="The classes it still serves, but that are placed elsewhere.")]
    lag: Annotated[int, Field(description="Records of the journal not yet in its view, over all classes it serves.")]
    values: Annotated[int, Field(description="Values in its view.")]
    leaving: bool
    full: Annotated[bool, Field(description="Its database takes no more writes.")]


class ClusterStatus(BaseModel):
    """The cluster as the replica that answers knows it."""

    slot: Annotated[int | None, Field(description="The slot of the replica that answers; null if it holds none.")]
    ready: bool
    reason: Annotated[str, Field(description="Why the replica that answers is not ready; empty if it is.")]
    replicas: Annotated[list[ReplicaStatus], Field(description="By slot.")]


def cluster_status(readiness: Readiness, statuses: Iterable[Status]) -> ClusterStatus:
    """Picture `statuses`. Their times are left out: a picture changes when something does, not with each renewal."""
    replicas = [
        ReplicaStatus(
            slot=status.slot,
            epoch=status.epoch,
            serving=sorted(status.serving),
            restoring=sorted(status.restoring),
            retiring=sorted(status.retiring),
            lag=sum(status.serving.values()),
            values=status.values,
            leaving=status.leaving,
            full=status.full,
        )
        for status in sorted(statuses, key=lambda status: status.slot)
    ]
    return ClusterStatus(slot=readiness.slot, ready=readiness.ready, reason=readiness.reason, replicas=replicas)
