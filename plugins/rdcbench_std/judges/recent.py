"""Remember what was computed from the real test images, which are the same for every row that a judge measures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


class Recent(Generic[T]):
    """The last result computed from a tensor, recognised by the tensor's bytes and given again for the same ones.

    It saves time and changes no number. It forgets when the judge that owns it is given another state.
    """

    def __init__(self, owner: nn.Module) -> None:
        self._digest = b""
        self._result: T | None = None
        owner.register_load_state_dict_post_hook(self._loaded)

    def __call__(self, x: Tensor, compute: Callable[[], T]) -> T:
        """Give `compute()`, or what it gave for the same x."""
        digest = hashlib.sha256(x.detach().cpu().contiguous().numpy().data).digest()
        if self._result is None or digest != self._digest:
            self._digest, self._result = digest, compute()
        return self._result

    def forget(self) -> None:
        """Compute afresh next time."""
        self._result = None

    def _loaded(self, owner: nn.Module, keys: Any) -> None:  # noqa: ARG002
        self.forget()
