"""A progress bar over events: how many of how many, events per second, time left."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from infrastructure.read_models.rebuild import ReportProgress


class Rate(TextColumn):
    """Events per second since the beginning; rich's own speed leaves out the time before the first page."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        seconds = task.finished_time or task.elapsed
        return Text(f"{task.completed / seconds:,.0f} events/s" if seconds else "")


@contextmanager
def event_progress(name: str, *, quiet: bool = False) -> Generator[ReportProgress]:
    """A bar on standard error while the block runs, fed with how many events were read, and how many there are."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(name, total=None)

        def report(read: int, total: int) -> None:
            bar.update(task, completed=read, total=max(read, total))

        yield report
