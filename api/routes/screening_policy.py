"""How a job screens, as clients write and read it: weights, threshold, must-have skills."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from api.http.fields import Body
from domain.job import Requirements, Weights

Weight: TypeAlias = Annotated[int, Meta(ge=0, le=1_000)]
Threshold: TypeAlias = Annotated[
    int,
    Meta(
        ge=0,
        le=100,
        description="The least score that is qualified; with 0 the must-have skills alone decide.",
    ),
]


class WeightsBody(Body, frozen=True):
    """How much each criterion counts, in proportion to those that the job asks for; only what is given changes."""

    skills: Weight | UnsetType = UNSET
    experience: Weight | UnsetType = UNSET
    salary: Weight | UnsetType = UNSET


class ScreeningBody(Body, frozen=True):
    """How applicants are judged; only what is given changes. Who scores below `threshold` is not qualified."""

    weights: WeightsBody | UnsetType = UNSET
    threshold: Threshold | UnsetType = UNSET


class ScreeningPolicy(msgspec.Struct, frozen=True):
    """The weights (50, 30, 20 where nothing else was said) and the score from which an applicant is qualified (70)."""

    weights: Weights
    threshold: int


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The fields that a body sets."""
    return {field: value for field in body.__struct_fields__ if (value := getattr(body, field)) is not UNSET}


def screened_by(requirements: Requirements, body: ScreeningBody) -> Requirements:
    """The requirements with what the body sets."""
    fields = given(body)
    weights = fields.pop("weights", None)
    if weights is not None:
        fields["weights"] = replace(requirements.weights, **given(weights))
    return replace(requirements, **fields)
