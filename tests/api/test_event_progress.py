"""The progress bar of commands that read many events."""

from rich.progress import Progress

from api.command_line.event_progress import Rate


def test_the_rate_is_that_of_the_whole_time() -> None:
    now = 10.0
    with Progress(get_time=lambda: now, disable=True) as bar:
        task = bar.add_task("job_listing", total=4000)
        now = 11.8
        bar.update(task, completed=2000)
        now = 12.0
        bar.update(task, completed=4000)
        assert Rate().render(bar.tasks[0]).plain == "2,000 events/s"
