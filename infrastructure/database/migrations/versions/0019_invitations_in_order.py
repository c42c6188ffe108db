"""An index has a company's invitations in the order in which they are listed: PostgreSQL 15 read and sorted all of them."""

from alembic import op

revision = "0019"
down_revision = "0018"

UP = """
create index invitation_listed on invitation (tenant_id, created_at, invitation_id);
drop index invitation_tenant_id_created_at_idx;
"""

DOWN = """
create index on invitation (tenant_id, created_at);
drop index invitation_listed;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
