"""flint behind processes, and what stands in for processes in a simulation, keep the contract."""

from collections.abc import AsyncIterator

import pytest

from factorsvc.adapters.factorizers.engine import engine_named
from factorsvc.adapters.factorizers.inline import InlineFactorizer
from tests.contracts.factorizer_contract import FactorizerContract, MakeFactorizer
from tests.contracts.factorizer_pools import pools_of


class TestFlintPool(FactorizerContract):
    @pytest.fixture
    async def make_factorizer(self) -> AsyncIterator[MakeFactorizer]:
        async with pools_of("flint") as make:
            yield make


class TestInlineFactorizer(FactorizerContract):
    @pytest.fixture
    def make_factorizer(self) -> MakeFactorizer:
        def make(workers: int, queue: int) -> InlineFactorizer:
            return InlineFactorizer(engine_named("flint"), workers=workers, queue=queue)

        return make
