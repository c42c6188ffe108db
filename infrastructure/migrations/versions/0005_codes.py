"""One-use codes and invitations."""

from alembic import op

revision = "0005"
down_revision = "0004"

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
