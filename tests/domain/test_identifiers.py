from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import derived_id, random_id, tenant_id, tenant_of

TENANT = UUID("c0ffee00-0000-8000-8000-000000000000")
PART = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")

kinds = st.sampled_from(["application", "view", "membership"])
parts = st.lists(st.uuids(), max_size=3)


@given(st.uuids(), st.uuids(), kinds, parts)
def test_every_id_names_its_tenant(random: UUID, own: UUID, kind: str, its_parts: list[UUID]) -> None:
    tenant = tenant_id(random)

    assert tenant_of(tenant) == tenant
    assert tenant_of(random_id(tenant, own)) == tenant
    assert tenant_of(derived_id(tenant, kind, *its_parts)) == tenant


@given(st.uuids(), st.uuids(), kinds, parts)
def test_every_id_is_a_valid_uuid_of_version_8(
    random: UUID, own: UUID, kind: str, its_parts: list[UUID]
) -> None:
    tenant = tenant_id(random)

    for identifier in (tenant, random_id(tenant, own), derived_id(tenant, kind, *its_parts)):
        assert (identifier.version, identifier.variant) == (8, RFC_4122)


@pytest.mark.parametrize("bit", [*range(64, 76), *range(80, 128)])
def test_every_one_of_60_bits_tells_tenants_apart(bit: int) -> None:
    assert tenant_id(UUID(int=1 << bit)) != tenant_id(UUID(int=0))
    assert tenant_of(random_id(tenant_id(UUID(int=1 << bit)), PART)) != tenant_of(PART)


@pytest.mark.parametrize("bit", range(62))
def test_every_one_of_62_own_bits_tells_ids_of_a_tenant_apart(bit: int) -> None:
    assert random_id(TENANT, UUID(int=1 << bit)) != random_id(TENANT, UUID(int=0))


def test_a_derived_id_is_the_same_for_ever() -> None:
    assert derived_id(TENANT, "application", PART, OTHER) == UUID("c0ffee00-0000-8000-b93c-72d1247b4283")


@given(st.uuids(), kinds, kinds, parts, parts)
def test_derived_ids_differ_when_anything_differs(
    random: UUID, kind: str, other_kind: str, its_parts: list[UUID], other_parts: list[UUID]
) -> None:
    tenant = tenant_id(random)
    one, another = derived_id(tenant, kind, *its_parts), derived_id(tenant, other_kind, *other_parts)

    assert (one == another) == ((kind, its_parts) == (other_kind, other_parts))


def test_the_order_of_parts_and_the_tenant_count() -> None:
    assert derived_id(TENANT, "view", PART, OTHER) != derived_id(TENANT, "view", OTHER, PART)
    assert derived_id(TENANT, "view", PART) != derived_id(tenant_id(PART), "view", PART)
