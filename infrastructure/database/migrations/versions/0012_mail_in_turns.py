"""Due mail of each company is found by itself, so that companies take turns however much one of them has."""

from alembic import op

revision = "0012"
down_revision = "0011"

UP = """
drop index effect_due;
create index effect_due on effect (tenant_id, mail_due_at) where mail_due_at is not null;
"""

DOWN = """
drop index effect_due;
create index effect_due on effect (mail_due_at) where mail_due_at is not null;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
