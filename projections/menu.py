"""Every read model, in one place: what is not here is neither projected nor created."""

from typing import Final

from infrastructure.mail.effects_projector import EFFECTS
from infrastructure.read_models.read_model import AnyReadModel
from projections.application_list import APPLICATION_LIST
from projections.job_dashboard import JOB_DASHBOARD
from projections.job_listing import JOB_LISTING

MENU: Final[tuple[AnyReadModel, ...]] = (JOB_LISTING, APPLICATION_LIST, JOB_DASHBOARD)

FOLLOWERS: Final[tuple[AnyReadModel, ...]] = (*MENU, EFFECTS)
"""Whatever follows the logs and can be behind: the read models, and the effects, which are never rebuilt."""


def named(name: str) -> AnyReadModel:
    """The read model of that name. Raises `KeyError` when there is none."""
    return {model.name: model for model in MENU}[name]
