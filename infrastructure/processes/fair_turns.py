"""Turns at what only a few can do at once: who asks for much waits behind everybody else, and keeps nobody waiting."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import Final

_LATELY_SECONDS: Final = 60.0


class NoTurn(Exception):
    """No turn came: too many wait, of one's own or in all, or it took too long; worth a retry."""


class _Place:
    """A place in the queue. `turn` becomes true when it is this one's turn, false when the place is taken away."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class FairTurns:
    """Gives turns to keys (a person, a company): `at_once` in all, one to a key.

    The next turn goes to the key whose last one is longest ago; keys without a turn in the last `lately` seconds go first. So a key
    that asks now and then waits for one turn to end at most, however much others ask for. At most `waiting_per_key` requests of a
    key and `waiting` in all wait, for `seconds` each; beyond that, the one that would come last is refused.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        waiting_per_key: int,
        seconds: float,
        lately: float = _LATELY_SECONDS,
    ) -> None:
        self._free = at_once
        self._most_waiting = waiting
        self._most_of_a_key = waiting_per_key
        self._seconds = seconds
        self._waiting: list[_Place] = []
        self._at_it: set[Hashable] = set()
        self._lately = lately
        self._last_turns: OrderedDict[Hashable, float] = OrderedDict()

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncGenerator[None]:
        """Wait for a turn and hold it within the block; who is cancelled gives the place up. Raises `NoTurn`."""
        await self._wait(key)
        try:
            yield
        finally:
            self._end(key)

    async def _wait(self, key: Hashable) -> None:
        place = _Place(key)
        self._waiting.append(place)
        self._go_on()
        self._send_away(key)
        try:
            async with asyncio.timeout(self._seconds):
                has_turn = await place.turn
        except TimeoutError:
            self._give_up(place)
            raise NoTurn from None
        except asyncio.CancelledError:
            self._give_up(place)
            raise
        if not has_turn:
            raise NoTurn

    def _go_on(self) -> None:
        """Give the turns that can be given."""
        self._forget_old_turns()
        while self._free and (ready := [place for place in self._waiting if place.key not in self._at_it]):
            place = min(ready, key=self._last_turn)
            self._waiting.remove(place)
            if place.turn.cancelled():
                continue
            self._free -= 1
            self._at_it.add(place.key)
            self._last_turns[place.key] = asyncio.get_running_loop().time()
            self._last_turns.move_to_end(place.key)
            place.turn.set_result(True)

    def _last_turn(self, place: _Place) -> float:
        return self._last_turns.get(place.key, -math.inf)

    def _forget_old_turns(self) -> None:
        old = asyncio.get_running_loop().time() - self._lately
        while self._last_turns and next(iter(self._last_turns.values())) <= old:
            self._last_turns.popitem(last=False)

    def _send_away(self, newcomer: Hashable) -> None:
        own = [place for place in self._waiting if place.key == newcomer]
        if len(own) > self._most_of_a_key:
            self._take_away(own[-1])
        elif len(self._waiting) > self._most_waiting:
            self._take_away(max(reversed(self._waiting), key=self._expectation))

    def _expectation(self, place: _Place) -> tuple[int, float]:
        """How far back a place stands: behind those of its own key first."""
        ahead = self._waiting[: self._waiting.index(place)]
        return sum(other.key == place.key for other in ahead), self._last_turn(place)

    def _take_away(self, place: _Place) -> None:
        self._waiting.remove(place)
        if not place.turn.done():
            place.turn.set_result(False)

    def _give_up(self, place: _Place) -> None:
        """Leave the queue, or give back the turn that came at this very moment."""
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.turn.done() and not place.turn.cancelled() and place.turn.result():
            self._end(place.key)

    def _end(self, key: Hashable) -> None:
        self._at_it.remove(key)
        self._free += 1
        self._go_on()
