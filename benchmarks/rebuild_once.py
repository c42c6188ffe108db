"""One rebuild in a process of its own, so that its memory can be told: prints how long it took and what it needed."""

import resource
import sys
import time

import msgspec

from infrastructure.rebuild import rebuild
from projections.menu import named


class Outcome(msgspec.Struct, frozen=True):
    """`peak_mib` is the most memory that the process has held (resident)."""

    events: int
    seconds: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def main() -> None:
    database_url, name = sys.argv[1:]
    began = time.perf_counter()
    done = rebuild(database_url, named(name))
    seconds = time.perf_counter() - began
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(msgspec.json.encode(Outcome(done.events, seconds, peak)).decode())


if __name__ == "__main__":
    main()
