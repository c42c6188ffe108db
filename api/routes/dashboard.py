"""The dashboard of the caller's company: figures, and the same as a chart."""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

from litestar import Response, get
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from api.charts.renderer import MEDIA_TYPES
from api.charts.worker import ChartFormat
from api.http.access import STAFF
from api.http.requests import AnyRequest, IfNoneMatch, MinPosition, actor_of, at_least, company_of
from api.http.unchanged import is_unchanged
from api.services import Services, services_of
from projections import job_dashboard
from projections.job_dashboard import JOB_DASHBOARD, Dashboard

_CHART_TOP = 20

JobIds: TypeAlias = Annotated[
    list[UUID] | None, QueryParameter(max_items=200, description="Repeatable: only these.")
]
Form: TypeAlias = Annotated[
    ChartFormat,
    QueryParameter(
        description="A picture (`png`, `svg`), or its Vega-Lite specification with the data (`json`)."
    ),
]
Top: TypeAlias = Annotated[
    int | None, QueryParameter(ge=1, le=200, description="Those with most applications.")
]


@get("/dashboard/jobs", allow=STAFF, tags=["Dashboard"], operation_id="read_dashboard")
async def figures(
    request: AnyRequest,
    job_id: JobIds = None,
    top: Top = None,
    min_position: MinPosition = None,
) -> Dashboard:
    """Per job: unique views, applications, conversion rate (applications / views x 100, null without views); totals."""
    return await _figures(request, services_of(request), job_id, top, min_position)


@get(
    "/dashboard/chart",
    allow=STAFF,
    tags=["Dashboard"],
    media_type="image/png",
    responses={304: ResponseSpec(None, description="The chart is the one of `If-None-Match`.")},
    answers=tuple(MEDIA_TYPES.values()),
    headers=("ETag",),
    operation_id="draw_dashboard_chart",
)
async def chart(
    request: AnyRequest,
    format: Form = "png",  # noqa: A002 (the parameter's public name)
    job_id: JobIds = None,
    top: Top = None,
    min_position: MinPosition = None,
    if_none_match: IfNoneMatch = None,
) -> Response[bytes]:
    """Views (blue) and applications (orange) as bars, conversion as a green line; PNG, SVG or Vega-Lite JSON.

    Of the 20 jobs with most applications, unless `top` or `job_id` says which; 60 at most are drawn. The subtitle says how many there are."""
    services = services_of(request)
    dashboard = await _figures(
        request, services, job_id, top or (None if job_id else _CHART_TOP), min_position
    )
    jobs, of = dashboard.items, dashboard.totals.jobs
    tag = services.charts.etag(jobs, format, of)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_unchanged(request, tag):
        return Response(b"", status_code=304, headers=headers, media_type=MEDIA_TYPES[format])
    image = await services.charts.render(jobs, format, company_of(request), of)
    return Response(image, headers=headers, media_type=MEDIA_TYPES[format])


async def _figures(
    request: AnyRequest,
    services: Services,
    job_ids: list[UUID] | None,
    top: int | None,
    min_position: int | None,
) -> Dashboard:
    company_id = company_of(request)
    await at_least(services, JOB_DASHBOARD, company_id, min_position, actor_of(request))
    async with services.database.of(actor_of(request)) as connection:
        return await job_dashboard.of_company(connection, company_id, job_ids=job_ids, top=top)


HANDLERS: list[Any] = [figures, chart]
