"""Effects of events, and the mail that follows from them."""

from alembic import op

revision = "0003"
down_revision = "0002"

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
