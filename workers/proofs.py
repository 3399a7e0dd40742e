"""Has workflows ask for proofs, where this worker can tell Steward's own messages from others."""

from __future__ import annotations

from temporalio.worker import (
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from workflows.messages import ASKS_FOR_PROOFS


class AskingForProofs(Interceptor):
    """Lets workflows know that their worker has keys: what Steward sends is sealed with them."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        """Give workflows the function; nothing is intercepted."""
        input.unsafe_extern_functions[ASKS_FOR_PROOFS] = _yes
        return None


def _yes() -> bool:
    return True
