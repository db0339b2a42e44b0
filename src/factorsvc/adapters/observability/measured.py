"""Counting and timing at the edges: any port, behind a stand-in that passes its calls on and says how they ended.

The use cases and the adapters know nothing of it. A stand-in is made from the port itself, so a method that a port
gains is measured from its first day.
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType, new_class
from typing import Any, Final, TypeVar, cast

from factorsvc.domain.errors import FactorsvcError
from factorsvc.domain.ports.cluster_bus import ClusterBus
from factorsvc.domain.ports.slot_allocator import SlotAllocator, SlotClaim

P = TypeVar("P")

Observe = Callable[[str, str, str, float], None]
"""Is told of each call that has ended: port, method, outcome and seconds."""

OK: Final = "ok"
CANCELLED: Final = "cancelled"
DEFECT: Final = "defect"
"""An error that is none of ours: a fault of the program."""


def measured(inner: P, observe: Observe) -> P:
    """Return a stand-in for `inner`, an adapter, that tells `observe` of each asynchronous call of its port.

    It has the port's methods and attributes and nothing else of the adapter; attributes are taken over once. What the
    calls return and raise, cancellation included, is unchanged.
    """
    return cast(P, _stand_in(_port_of(type(inner)))(inner, observe))


def measured_bus(inner: ClusterBus, observe: Observe) -> ClusterBus:
    """Measure a bus with all that it consists of."""
    bus = measured(inner, observe)
    bus.journal = measured(inner.journal, observe)
    bus.placement = measured(inner.placement, observe)
    bus.statuses = measured(inner.statuses, observe)
    bus.mailbox = measured(inner.mailbox, observe)
    return bus


class MeasuredSlots(SlotAllocator):
    """Measures the claiming, each claim and its storage."""

    def __init__(self, inner: SlotAllocator, observe: Observe) -> None:
        """Claim through `inner`."""
        self._inner = measured(inner, observe)
        self._observe = observe

    async def claim(self) -> SlotClaim | None:
        inner = await self._inner.claim()
        if inner is None:
            return None
        claim = measured(inner, self._observe)
        claim.storage = measured(inner.storage, self._observe)
        return claim


class _StandIn:
    """What all stand-ins have in common; their methods come from the port."""

    def __init__(self, inner: object, observe: Observe) -> None:
        self._inner = inner
        self._observe = observe
        for name in inspect.get_annotations(_port_of(type(self))):
            setattr(self, name, getattr(inner, name))


def _port_of(adapter: type) -> type:
    """The port that `adapter` subclasses: the first of its bases that is abstract."""
    return next(base for base in adapter.__mro__ if inspect.isabstract(base))


@cache
def _stand_in(port: type) -> type[_StandIn]:
    body: dict[str, object] = {
        name: _passing_on(port.__name__, method)
        for name, method in inspect.getmembers(port, inspect.isfunction)
        if getattr(method, "__isabstractmethod__", False)
    }
    body["__module__"] = __name__
    made: type[_StandIn] = new_class(f"Measured{port.__name__}", (_StandIn, port), exec_body=lambda ns: ns.update(body))
    return made


def _passing_on(port: str, method: FunctionType) -> Callable[..., Any]:
    name = method.__name__

    def call(self: _StandIn, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._inner, name)(*args, **kwargs)

    async def timed(self: _StandIn, *args: Any, **kwargs: Any) -> Any:
        with _observing(self._observe, port, name):
            return await getattr(self._inner, name)(*args, **kwargs)

    return timed if inspect.iscoroutinefunction(method) else call


@contextmanager
def _observing(observe: Observe, port: str, name: str) -> Iterator[None]:
    began = time.monotonic()
    outcome = DEFECT
    try:
        yield
        outcome = OK
    except FactorsvcError as error:
        outcome = type(error).__name__
        raise
    except asyncio.CancelledError:
        outcome = CANCELLED
        raise
    finally:
        observe(port, name, outcome, time.monotonic() - began)
