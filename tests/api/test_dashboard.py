"""The dashboard's figures and the chart of them."""

import pytest

from tests.api.people import System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_figures_count_unique_views_applications_and_hires(system: System) -> None:
    admin = await system.company()
    ann, bob, cy = [await system.candidate() for _ in range(3)]
    busy, quiet, unseen = [await admin.posts_job(title=title) for title in ("Busy", "Quiet", "Unseen")]
    for person in (ann, ann, bob, cy):
        await person.views(busy)
    await ann.views(quiet)
    applications = [await person.applies(busy) for person in (ann, bob)]
    await bob.applies(unseen)
    hired = await admin.advances(applications[0], "screening", "interview", "offer", "hired")
    await system.project()
    answer = await admin.sees("/dashboard/jobs", min_position=hired["position"])
    rows = {row["title"]: row for row in answer["items"]}
    figures = {
        title: (row["views"], row["applications"], row["hires"], row["conversion_rate"])
        for title, row in rows.items()
    }
    assert figures == {"Busy": (3, 2, 1, 66.67), "Quiet": (1, 0, 0, 0.0), "Unseen": (0, 1, 0, None)}
    totals = answer["totals"]
    assert (totals["jobs"], totals["views"], totals["applications"], totals["conversion_rate"]) == (
        3,
        4,
        3,
        75.0,
    )
    assert [row["title"] for row in (await admin.sees("/dashboard/jobs", top=1))["items"]] == ["Busy"]
    chosen = await admin.sees("/dashboard/jobs", job_id=[quiet["id"], unseen["id"]])
    assert {row["title"] for row in chosen["items"]} == {"Quiet", "Unseen"}
    assert chosen["totals"]["applications"] == 1


async def test_a_company_without_jobs_has_an_empty_dashboard_and_a_chart(system: System) -> None:
    admin = await system.company()
    answer = await admin.sees("/dashboard/jobs")
    assert (answer["items"], answer["totals"]["jobs"], answer["totals"]["conversion_rate"]) == ([], 0, None)
    chart = await admin.get("/dashboard/chart", format="json")
    assert chart.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("form", "media_type", "beginning"),
    [("png", "image/png", b"\x89PNG"), ("svg", "image/svg+xml", b"<svg"), ("json", "application/json", b"{")],
)
async def test_a_chart_is_drawn_in_three_forms_and_not_sent_twice(
    system: System, form: str, media_type: str, beginning: bytes
) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job(title="Baker & <Co> '\"% \U0001f35e")
    await cy.views(job)
    await system.project()
    chart = await admin.get("/dashboard/chart", format=form)
    assert chart.status_code == 200
    assert chart.headers["content-type"] == media_type
    assert chart.content.startswith(beginning)
    etag = chart.headers["etag"]
    unchanged = await admin.send(
        "GET", "/dashboard/chart", query={"format": form}, headers={"If-None-Match": f'"other", W/{etag}'}
    )
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    for known, code in (("*", 304), (f'{etag} , W/"x"', 304), (f"x{etag}x", 200), (etag.strip('"'), 200)):
        headers = {"If-None-Match": known}
        again = await admin.send("GET", "/dashboard/chart", query={"format": form}, headers=headers)
        assert again.status_code == code, known
    await cy.applies(job)
    await system.project()
    changed = await admin.send(
        "GET", "/dashboard/chart", query={"format": form}, headers={"If-None-Match": etag}
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_a_chart_without_all_jobs_says_so(system: System) -> None:
    admin = await system.company()
    for number in range(21):
        await admin.posts_job(title=f"Job {number}")
    await system.project()
    chart = await admin.get("/dashboard/chart", format="svg")
    assert "the first 20 of 21 jobs" in chart.text


async def test_a_form_that_is_none_is_400(system: System) -> None:
    admin = await system.company()
    for query in (
        "format=gif",
        "top=0",
        "top=201",
        "job_id=x",
        "&".join(["job_id=" + admin.company_id] * 201),
    ):
        refused(await admin.send("GET", f"/dashboard/chart?{query}"), 400)


async def test_the_state_of_a_job_is_the_one_it_has(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(status="draft")
    for step, status in (("publish", "open"), ("close", "closed"), ("archive", "archived")):
        done(await admin.post(f"/jobs/{job['id']}/{step}"))
        await system.project()
        assert [row["status"] for row in (await admin.sees("/dashboard/jobs"))["items"]] == [status]
