"""What a company was told about a candidate is found by the candidate, so that erasing them reads no one else's."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("create index effect_about_candidate on effect (candidate_id)")


def downgrade() -> None:
    op.execute("drop index effect_about_candidate")
