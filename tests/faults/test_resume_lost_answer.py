"""A resume whose upload was written, but whose answer was lost on the way."""

import tempfile
from pathlib import Path

from msgspec.structs import replace

from tests.api.conftest import settings
from tests.api.people import done, refused, running
from tests.api.resume_upload import upload
from tests.faults.proxy import proxy
from tests.resume_files import TEXT


async def test_its_file_is_there_when_the_upload_is_repeated(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="hl-") as folder,
        proxy(database_url, Path(folder)) as (between, url),
    ):
        async with running(replace(settings(url, redis_url), home=tmp_path)) as system:
            cleo = await system.candidate()
            between.cut_after_commit = 1
            refused(await upload(cleo, TEXT.encode(), key="k"), 503)
            assert between.cuts == 1
            resume = done(await upload(cleo, TEXT.encode(), key="k"))
            assert (await cleo.get(f"/resumes/{resume['id']}")).content == TEXT.encode()
