"""A made-up person who calls every route with success: by turns a candidate, a company's founder and who was invited there."""

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import httpx

from infrastructure.mail.links import MailLinks
from infrastructure.mail.outbox import Outbox
from infrastructure.mail.smtp import Smtp
from infrastructure.mail.smtp import smtp_server as server_of
from tests.api import account_mail
from tests.api.delivering import deliver
from tests.api.people import Json, Person, System, done, refused
from tests.api.resume_upload import upload
from tests.mail_servers import smtp_server

NAME: Final = "Canarina Featherstone"
FIRST, SECOND, FOUNDER, INVITED = (
    f"canarina.{which}@example.com" for which in ("first", "second", "founder", "invited")
)
PASSWORDS: Final = ("canary-in-a-coal-mine-71", "canary-up-a-chimney-72", "canary-on-a-wire-73")
WRITTEN: Final = "canary-song-4417"

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_LOCAL: Final = {"Host": "127.0.0.1:8000"}


class Canary:
    """Lives in a system and keeps `secrets`: every token and code that they were given."""

    def __init__(self, system: System, outbox: Outbox) -> None:
        self.secrets: list[str] = []
        self._system = system
        self._nobody = system.nobody
        self._outbox = outbox

    async def lives(self) -> None:
        """Calls every route that needs to be asked rightly to answer; some after others, as they depend on each other."""
        candidate = await self._keeps_an_account()
        founder, invited = await self._founds_a_company()
        job, other = await self._posts_jobs(founder)
        application = await self._applies(candidate, job)
        await self._judges(founder, application)
        await self._reads(founder, candidate, job, application)
        await self._reads_news(founder, candidate)
        await self._decides(founder, candidate, application, other)
        await self._goes(founder, invited, candidate)

    async def _keeps_an_account(self) -> Person:
        """Registers, signs in by every way, and changes name, address and password."""
        candidate = await self._registers(FIRST)
        done(await self._nobody.post("/auth/register", _account(FIRST)))
        refused(await self._nobody.post("/auth/login", {"email": FIRST, "password": WRITTEN}), 401)
        await self._loses_a_session()
        sessions = await candidate.all("/auth/sessions")
        (other,) = [one["id"] for one in sessions if not one["current"] and one["ended_at"] is None]
        done(await candidate.send("DELETE", f"/auth/sessions/{other}"))

        wish = {"name": NAME, "email": SECOND, "notifications": {"qualified": {"mail": False}}}
        done(await candidate.patch("/auth/me", wish))
        code = {"code": await self._code(SECOND, "email_confirmation")}
        done(await self._nobody.post("/auth/email/confirm", code))
        refused(await self._nobody.post("/auth/email/confirm", code), 400, "invalid_code")

        change = {"current_password": PASSWORDS[0], "new_password": PASSWORDS[1]}
        done(await candidate.post("/auth/password", change))
        done(await self._nobody.post("/auth/password-reset", {"email": SECOND}))
        reset = {"code": await self._code(SECOND, "password_reset"), "password": PASSWORDS[2]}
        done(await self._nobody.post("/auth/password-reset/confirm", reset))
        refused(await self._nobody.post("/auth/password-reset/confirm", reset), 400, "invalid_code")
        return await self._logs_in(SECOND, PASSWORDS[2])

    async def _loses_a_session(self) -> None:
        """Two sessions by a form, of which one ends since a refresh token is used twice."""
        form = urlencode({"username": FIRST, "password": PASSWORDS[0], "grant_type": "password"}).encode()
        asked = [
            await self._nobody.send("POST", "/auth/token", content=form, headers=_FORM) for _ in range(2)
        ]
        pairs = [done(answer) for answer in asked]
        for _ in range(2):
            spent = {"refresh_token": pairs[-1]["refresh_token"]}
            pairs.append(done(await self._nobody.post("/auth/refresh", spent)))
        self._keep(*pairs)
        spent = {"refresh_token": pairs[1]["refresh_token"]}
        refused(await self._nobody.post("/auth/refresh", spent), 401, "invalid_refresh_token")

    async def _founds_a_company(self) -> tuple[Person, Person]:
        """The founder, and who accepted an invitation."""
        founder = await self._registers(FOUNDER, company_name=f"{NAME} & Sons")
        done(await founder.patch("/company", {"name": f"{NAME} & Daughters"}))
        invitation = {"email": INVITED, "role": "recruiter"}
        done(await founder.post("/company/invitations", invitation))
        await self._code(INVITED, "invitation")
        made = done(await founder.post("/company/invitations", invitation))
        code = await self._code(INVITED, "invitation")
        accepted = {"code": code, "name": NAME, "password": PASSWORDS[0]}
        done(await self._nobody.post("/auth/invitations/accept", accepted))
        refused(await self._nobody.post("/auth/invitations/accept", accepted), 400, "invalid_code")
        await founder.sees(f"/company/invitations/{made['id']}")
        refused(await founder.post("/company/invitations", invitation), 409, "already_a_member")
        unwanted = done(await founder.post("/company/invitations", {"email": SECOND, "role": "auditor"}))
        await self._code(SECOND, "invitation")
        done(await founder.send("DELETE", f"/company/invitations/{unwanted['id']}"))
        return founder, await self._logs_in(INVITED, PASSWORDS[0])

    async def _posts_jobs(self, founder: Person) -> tuple[Json, Json]:
        """A job that is open after all that a job goes through, and another open one."""
        job, other = await founder.posts_job(status="draft"), await founder.posts_job()
        done(await founder.patch(f"/jobs/{job['id']}", {"location": "Bath"}))
        for verb in ("publish", "close", "reopen"):
            done(await founder.post(f"/jobs/{job['id']}/{verb}"))
        draft = await founder.posts_job(status="draft")
        done(await founder.post(f"/jobs/{draft['id']}/archive"))
        return job, other

    async def _applies(self, candidate: Person, job: Json) -> Json:
        await candidate.views(job)
        resume, unwanted = [
            done(await upload(candidate, f"{NAME}\nErlang\n{WRITTEN}".encode(), f"{NAME}.txt", key=key))
            for key in (WRITTEN, SECOND)
        ]
        done(await candidate.send("DELETE", f"/resumes/{unwanted['id']}"))
        return await candidate.applies(job, cover_letter=WRITTEN, resume_id=resume["id"])

    async def _judges(self, founder: Person, application: Json) -> None:
        path = f"/applications/{application['id']}"
        done(await founder.post(f"{path}/comments", {"text": WRITTEN}))
        comment = done(await founder.post(f"{path}/comments", {"text": NAME}))
        done(await founder.send("DELETE", f"{path}/comments/{comment['id']}"))
        scorecard = {"ratings": {"craft": 4}, "recommendation": "yes", "note": WRITTEN}
        done(await founder.post(f"{path}/scorecards", scorecard))
        done(await founder.patch(f"{path}/stage", {"stage": "screening", "note": WRITTEN}))

    async def _reads(self, founder: Person, candidate: Person, job: Json, application: Json) -> None:
        """All that there is to read once the read models have followed."""
        await self._system.project()
        path = f"/applications/{application['id']}"
        for own in ("/auth/me", "/resumes", f"/resumes/{application['resume_id']}", "/jobs", path):
            _answered(await candidate.get(own))
        for part in ("", "/history", "/comments", "/scorecards"):
            _answered(await founder.get(f"{path}{part}"))
        for kind in ("", "/members", "/invitations"):
            _answered(await founder.get(f"/company{kind}"))
        for place in (
            f"/jobs/{job['id']}",
            f"/jobs/{job['id']}/board",
            "/dashboard/jobs",
            "/dashboard/chart",
        ):
            _answered(await founder.get(place))
        _answered(await self._nobody.get("/docs/static/favicon.png"))
        for log in ("/audit/events", f"/audit/streams/{application['id']}"):
            _answered(await founder.get(log))
        (found,) = await founder.all("/applications", q=NAME)
        assert found["id"] == application["id"]
        done(await founder.post(f"/jobs/{job['id']}/screening/what-if", {}))

    async def _reads_news(self, founder: Person, candidate: Person) -> None:
        """Mail, notifications, the outbox and the link that stops mails."""
        await deliver(self._system, self._outbox)
        (news, *_) = await founder.all("/notifications")
        done(await founder.post(f"/notifications/{news['id']}/read"))
        done(await candidate.post("/notifications/read", {}))
        links = MailLinks(self._system.services.settings)
        link = links.unsubscribe(UUID(candidate.id), "stage_changed").removeprefix(links.home)
        self.secrets.append(link.partition("=")[2])
        _answered(await self._nobody.get(link))
        _answered(await self._nobody.send("POST", link, content=b"", headers=_FORM))
        mail = next(self._system.services.settings.home.glob("outbox/*.eml")).name
        for page in ("", f"/{mail}", f"/{mail}/html"):
            _answered(await self._nobody.send("GET", f"/outbox{page}", headers=_LOCAL))

    async def _decides(self, founder: Person, candidate: Person, application: Json, other: Json) -> None:
        """The application is rejected and taken up again, moved, and withdrawn; the mail about it does not arrive."""
        path, ids = f"/applications/{application['id']}", [application["id"]]
        await founder.rejects(application, WRITTEN)
        done(await founder.post(f"{path}/reinstate"))
        done(
            await founder.post(
                "/applications/bulk/stage", {"ids": ids, "stage": "interview", "note": WRITTEN}
            )
        )
        moved = done(await founder.post(f"{path}/move", {"job_id": other["id"], "note": WRITTEN}))
        done(await candidate.post(f"/applications/{moved['id']}/withdraw"))
        done(await founder.post("/applications/bulk/reject", {"ids": ids, "reason": WRITTEN, "note": NAME}))
        with smtp_server() as (provider, address):
            provider.recipient = "550 5.1.1 <{address}>: nobody has this address"
            await deliver(self._system, Smtp(server_of(f"smtp://{address}")))

    async def _goes(self, founder: Person, invited: Person, candidate: Person) -> None:
        done(await founder.patch(f"/company/members/{invited.id}", {"role": "auditor"}))
        done(await founder.send("DELETE", f"/company/members/{invited.id}"))
        for person in (founder, candidate):
            done(await person.post("/auth/logout"))

    async def _registers(self, email: str, **fields: str) -> Person:
        done(await self._nobody.post("/auth/register", _account(email) | fields))
        return await self._logs_in(email, PASSWORDS[0])

    async def _logs_in(self, email: str, password: str) -> Person:
        tokens = done(await self._nobody.post("/auth/login", {"email": email, "password": password}))
        self._keep(tokens)
        person = Person(self._system.client, token=tokens["access_token"])
        person.profile = await person.sees("/auth/me")
        return person

    def _keep(self, *pairs: Json) -> None:
        self.secrets += [pair[name] for pair in pairs for name in ("access_token", "refresh_token")]

    async def _code(self, email: str, kind: str) -> str:
        code = await account_mail.code(self._system, email, kind)
        self.secrets.append(code)
        return code


def _account(email: str) -> Json:
    return {"email": email, "password": PASSWORDS[0], "name": NAME}


def _answered(response: httpx.Response) -> None:
    """A success, whatever its body is."""
    assert response.is_success, response.request.url
