"""Which command is to name a text, so that one that no event came to name is found and forgotten."""

from alembic import op

revision = "0016"
down_revision = "0015"

# Texts from before say nothing of their command, and stay.
UP = """
alter table personal_text add column stream_id uuid, add column command_id uuid, add column unnamed_at timestamptz;
create index personal_text_unnamed on personal_text (unnamed_at) where unnamed_at is not null;
grant update (stream_id, command_id, unnamed_at) on personal_text to hirelog_api;
"""

DOWN = """
alter table personal_text drop column stream_id, drop column command_id, drop column unnamed_at;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
