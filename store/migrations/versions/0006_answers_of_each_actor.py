"""A message id is its actor's own, and progress says which run of a workflow tells it."""

import sqlalchemy as sa
from alembic import op

import store.schema

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OF_ALL = "uq_answers_workflow_id_message_id"
_OF_EACH = "uq_answers_workflow_id_actor_role_actor_name_message_id"


def upgrade() -> None:
    with op.batch_alter_table("answers") as answers:
        answers.add_column(
            sa.Column("actor_role", sa.String(40), nullable=False, server_default="")
        )
        answers.add_column(
            sa.Column("actor_name", sa.String(200), nullable=False, server_default="")
        )
        answers.drop_constraint(_OF_ALL, type_="unique")
        answers.create_unique_constraint(
            _OF_EACH, ["workflow_id", "actor_role", "actor_name", "message_id"]
        )
    with op.batch_alter_table("answers") as answers:
        answers.alter_column("actor_role", server_default=None)
        answers.alter_column("actor_name", server_default=None)
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.add_column(sa.Column("run_id", sa.String(80), nullable=True))
        lifecycles.add_column(sa.Column("told_at", store.schema.UtcDateTime(), nullable=True))
        lifecycles.add_column(
            sa.Column("was_reset", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.alter_column("was_reset", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("lifecycles") as lifecycles:
        lifecycles.drop_column("was_reset")
        lifecycles.drop_column("told_at")
        lifecycles.drop_column("run_id")
    op.execute(
        "DELETE FROM answers WHERE id NOT IN "
        "(SELECT MIN(id) FROM answers GROUP BY workflow_id, message_id)"
    )
    with op.batch_alter_table("answers") as answers:
        answers.drop_constraint(_OF_EACH, type_="unique")
        answers.create_unique_constraint(_OF_ALL, ["workflow_id", "message_id"])
        answers.drop_column("actor_name")
        answers.drop_column("actor_role")
