"""A progress bar over events: how many of how many, events per second, time left."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from infrastructure.read_models.rebuild import Progress as Told


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} events/s")


@contextmanager
def event_progress(name: str, *, quiet: bool = False) -> Generator[Told]:
    """A bar on standard error while the block runs, fed with how many events were read, and how many there are."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(name, total=None)

        def told(read: int, total: int) -> None:
            bar.update(task, completed=read, total=max(read, total))

        yield told
