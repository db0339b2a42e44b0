"""sympy behind processes keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.factorizer_contract import FactorizerContract, MakeFactorizer
from tests.contracts.factorizer_pools import pools_of


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop will do: only the engine differs, and its processes take half a second to start."""
    return "asyncio"


class TestSympyPool(FactorizerContract):
    @pytest.fixture
    async def make_factorizer(self) -> AsyncIterator[MakeFactorizer]:
        async with pools_of("sympy") as make:
            yield make
