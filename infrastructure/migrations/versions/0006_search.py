"""What the search for jobs needs of PostgreSQL."""

from alembic import op

revision = "0006"
down_revision = "0005"

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
