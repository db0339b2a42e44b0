"""From the commands of a story to calls: the signatures of the verbs are the grammar."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from inspect import Parameter, Signature, signature
from types import NoneType
from typing import Any, NamedTuple, get_args

from tests.scenarios.script import Command, Script
from tests.scenarios.vocabulary import Vocabulary
from tests.scenarios.world import Shape

_UNITS = {"s": 1, "m": 60, "h": 3_600}
_TIME = re.compile(r"(\d+)([smh])")
_NUMBERS = re.compile(r"(-?\d+)(?:\.\.(\d+)(?:/(\d+))?)?")
_ENDS = {"begin_load": "end_load", "begin_get": "end_get"}


class Step(NamedTuple):
    """A command that is known to be right."""

    command: Command
    verb: str
    """The name of a method of `Vocabulary`; or `cluster`, which gives the world its shape; or `wait`."""
    words: Sequence[Any]
    options: Mapping[str, Any]


def steps_of(script: Script) -> list[Step]:
    """Check every command of `script`, and that what is begun in it is ended.

    Raises:
        ScriptError: for the first one that is wrong.
    """
    steps = [_step(command) for command in script.commands]
    for number, step in enumerate(steps):
        if step.verb == "cluster" and number > 0:
            raise step.command.error("the cluster has its shape already")
        end = "wait" if step.command.in_background else _ENDS.get(step.verb)
        if end is not None and all(later.verb != end for later in steps[number:]):
            raise step.command.error(f"there is no `{end.replace('_', '-')}` for this")
    return steps


def _step(command: Command) -> Step:
    verb = command.verb.replace("-", "_")
    taken = _signature(verb)
    if taken is None:
        raise command.error(f"there is no verb `{command.verb}`")
    try:
        bound = taken.bind(*command.words, **_named(command.options, taken))
        for name, given in bound.arguments.items():
            parameter = taken.parameters[name]
            of_many = parameter.kind is Parameter.VAR_POSITIONAL
            bound.arguments[name] = (
                tuple(_converted(word, parameter) for word in given) if of_many else _converted(given, parameter)
            )
    except (TypeError, ValueError) as error:
        raise command.error(f"{command.verb}: {error}") from error
    return Step(command, verb, bound.args, bound.kwargs)


def _signature(verb: str) -> Signature | None:
    """What a verb takes; None: there is no such verb."""
    if verb == "cluster":
        fields = signature(Shape).parameters.values()
        return Signature([field.replace(kind=Parameter.KEYWORD_ONLY) for field in fields])
    if verb == "wait":
        return Signature()
    method = None if verb.startswith("_") else getattr(Vocabulary, verb, None)
    if method is None:
        return None
    _, *parameters = signature(method).parameters.values()
    return Signature(parameters)


def _named(options: Mapping[str, str], taken: Signature) -> dict[str, str]:
    """Options by the names of their parameters, whose units a story leaves out."""
    return {name if name in taken.parameters else f"{name}_s": value for name, value in options.items()}


def _converted(word: str, parameter: Parameter) -> object:
    """The value of `word` as `parameter` wants it.

    Raises:
        ValueError: it is no such value.
    """
    types = [kind for kind in get_args(parameter.annotation) if kind is not NoneType] or [parameter.annotation]
    read: Callable[[str], object] = {float: _time, range: _numbers}.get(types[0], types[0])
    try:
        return read(word)
    except ValueError as error:
        wanted = ", ".join(each.value for each in types[0]) if issubclass(types[0], Enum) else _WANTED[types[0]]
        raise ValueError(f"`{word}` is not {wanted}") from error


_WANTED = {int: "an integer", float: "a time like 6s", range: "a number, or numbers like 2..98/2"}


def _time(word: str) -> float:
    match = _TIME.fullmatch(word)
    if match is None:
        raise ValueError(word)
    return float(match[1]) * _UNITS[match[2]]


def _numbers(word: str) -> range:
    match = _NUMBERS.fullmatch(word)
    if match is None:
        raise ValueError(word)
    first, last, step = match.groups()
    return range(int(first), int(last or first) + 1, int(step or 1))
