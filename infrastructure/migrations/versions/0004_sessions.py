"""Sessions, refresh tokens and what ends them."""

from alembic import op

revision = "0004"
down_revision = "0003"

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
