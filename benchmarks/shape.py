"""The shape of the data that read models are measured on: what happens to one job, the same for every comparator."""

from typing import Final

VIEWS_PER_JOB: Final = 198
APPLICATIONS_PER_JOB: Final = 100
EVENTS_PER_JOB: Final = 2 + VIEWS_PER_JOB + APPLICATIONS_PER_JOB  # created, published, views, applications
