"""Mails: until when one is held and why, and by what a report that comes later knows it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from store.schema import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COMES_BACK_WITHIN = timedelta(days=14)
"""Mail servers try for five days before they give a mail back."""
_AT_ONCE = 1000


def upgrade() -> None:
    with op.batch_alter_table("emails") as emails:
        emails.add_column(sa.Column("counts_at", sa.DateTime(timezone=True)))
        emails.add_column(sa.Column("held_for", sa.String(20)))
        emails.add_column(sa.Column("message_id", sa.String(32)))
        emails.add_column(sa.Column("reported_by", sa.BigInteger()))
    for column in ("counts_at", "message_id"):
        op.create_index(f"ix_emails_{column}", "emails", [column])
    _know_recent_mails()


def _know_recent_mails() -> None:
    """Have a report know the mails that may still come back."""
    emails = sa.table(
        "emails",
        sa.column("id", sa.BigInteger),
        sa.column("key", sa.String),
        sa.column("changed_at", UtcDateTime),
        sa.column("message_id", sa.String),
    )
    connection, last = op.get_bind(), 0
    since = datetime.now(UTC) - _COMES_BACK_WITHIN
    while rows := connection.execute(
        sa.select(emails.c.id, emails.c.key)
        .where(emails.c.id > last, emails.c.changed_at > since)
        .order_by(emails.c.id)
        .limit(_AT_ONCE)
    ).all():
        knowing = (
            sa.update(emails)
            .where(emails.c.id == sa.bindparam("of"))
            .values(message_id=sa.bindparam("token"))
        )
        connection.execute(knowing, [{"of": row.id, "token": _token(row.key)} for row in rows])
        last = rows[-1].id


def _token(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:32]


def downgrade() -> None:
    for column in ("message_id", "counts_at"):
        op.drop_index(f"ix_emails_{column}", "emails")
    with op.batch_alter_table("emails") as emails:
        for column in ("reported_by", "message_id", "held_for", "counts_at"):
            emails.drop_column(column)
