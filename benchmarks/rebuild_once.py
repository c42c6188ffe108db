"""One rebuild in a process of its own, so that its memory can be told: prints how long it took and what it needed."""

import re
import resource
import sys
import time
from pathlib import Path

import msgspec

from infrastructure.read_models.rebuild import rebuild
from projections.menu import named


class Measurement(msgspec.Struct, frozen=True):
    """`peak_mib` is the most memory that the process has held (resident)."""

    events: int
    seconds: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def peak_mib() -> float:
    """The most memory that this process has held since it runs this program.

    Linux's `ru_maxrss` also counts what the parent held when it forked, so the program's own high-water mark goes first.
    """
    status = Path("/proc/self/status")
    own = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    if own is not None:
        return int(own[1]) / 1024
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    database_url, name = sys.argv[1:]
    began = time.perf_counter()
    done = rebuild(database_url, named(name))
    seconds = time.perf_counter() - began
    print(msgspec.json.encode(Measurement(done.events, seconds, peak_mib())).decode())


if __name__ == "__main__":
    main()
