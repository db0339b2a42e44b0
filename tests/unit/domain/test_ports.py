"""The ports as such: nothing but contracts, and each error that they promise is one of the tree."""

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from factorsvc.domain import errors, ports

Method = Callable[..., object]


def protocols() -> Iterator[type]:
    """Every port and every protocol that a port hands out."""
    for module in pkgutil.iter_modules(ports.__path__, f"{ports.__name__}."):
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and getattr(kind, "_is_protocol", False):
                yield kind


PORTS = list(protocols())
METHODS = [
    pytest.param(method, id=f"{port.__name__}.{name}")
    for port in PORTS
    for name, method in inspect.getmembers(port, inspect.isfunction)
    if not name.startswith("_")
]


def test_the_ports_of_the_design_are_there() -> None:
    assert {port.__name__ for port in PORTS} >= {"Storage", "SlotAllocator", "ClusterBus", "Factorizer", "Clock"}


@pytest.mark.parametrize("port", PORTS)
def test_a_port_is_a_contract_and_cannot_be_made(port: type) -> None:
    with pytest.raises(TypeError):
        port()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_a_port_is_abstract_and_says_what_it_promises(method: Method) -> None:
    assert getattr(method, "__isabstractmethod__", False)
    assert inspect.getdoc(method)


@pytest.mark.parametrize("method", METHODS)
def test_errors_that_a_method_raises_stand_in_the_tree(method: Method) -> None:
    _, _, raises = (inspect.getdoc(method) or "").partition("Raises:\n")
    promised = re.findall(r"^    (\w+):", raises, re.MULTILINE)

    assert promised or not raises
    assert [name for name in promised if not issubclass(getattr(errors, name), errors.FactorsvcError)] == []
