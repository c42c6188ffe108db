"""Checkpoints are found by their tenant: by read model alone the planner read those of all tenants for each."""

from alembic import op

revision = "0018"
down_revision = "0017"

# It stays for those that are parked, which are few, and which somebody asks for every second.
UP = """
drop index projection_checkpoint_name_build_idx;
create index projection_checkpoint_parked on projection_checkpoint (name, build) where parked_position is not null;
"""

DOWN = """
drop index projection_checkpoint_parked;
create index projection_checkpoint_name_build_idx on projection_checkpoint (name, build);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
