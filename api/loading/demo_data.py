"""The invented companies, postings, people and sentences of the demo: nobody and nothing in them exists."""

from pathlib import Path

import msgspec

from api.loading.postings import JobBody

_FILE = Path(__file__).parent / "demo_postings.json"


class DemoCompany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    postings: tuple[JobBody, ...]


class DemoData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`demo_postings.json`."""

    about: str
    companies: tuple[DemoCompany, ...]
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    sources: tuple[str, ...]
    cover_letters: tuple[str, ...]
    advance_notes: tuple[str, ...]
    reject_reasons: tuple[str, ...]


def demo_data() -> DemoData:
    """Reads the file; raises `msgspec.ValidationError` where it is not of this shape."""
    return msgspec.json.decode(_FILE.read_bytes(), type=DemoData)
