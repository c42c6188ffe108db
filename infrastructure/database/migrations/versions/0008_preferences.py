"""Which kinds of mail and of notifications people do not want; what they have not read yet."""

from alembic import op

revision = "0008"
down_revision = "0006"

UP = """
create table notification_preference (
    account_id uuid not null references account on delete cascade,
    kind text not null,
    mail boolean not null,
    in_app boolean not null,
    primary key (account_id, kind)
);

create index effect_unread on effect (account_id, created_at, mail_id) where read_at is null;
"""

DOWN = """
drop index effect_unread;
drop table notification_preference;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
