"""The companies that told a candidate something are found without a look at all that anybody was told."""

from alembic import op

revision = "0013"
down_revision = "0012"

UP = """
create index effect_told on effect (account_id, tenant_id) where recipient = 'candidate';
"""

DOWN = """
drop index effect_told;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
