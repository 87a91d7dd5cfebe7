"""What is read of the objects of MMSeg, which carry no types.

For annotations alone: MMSeg's classes do not derive from these, and nothing
is made of them. Whether an object has what is listed is checked where it
comes in, by :func:`~mmseg_rppgd.pixel_model.unwrap_segmentor`.
"""
from typing import Any, Callable, Dict, List, Protocol, Union

from torch import Tensor, nn


class DataSample(Protocol):
    """A ``SegDataSample``: labels and what is known of an image."""

    gt_sem_seg: Any

    @property
    def metainfo(self) -> Dict[str, Any]:
        """dict: What the pipeline packed, by name."""

    def __contains__(self, name: str) -> bool:
        """Whether it has data of this name."""


class DataPreprocessor(nn.Module):
    """A ``SegDataPreProcessor`` that normalises, or one like it."""

    mean: Tensor
    std: Tensor


class DecodeHead(nn.Module):
    """A ``BaseDecodeHead``."""

    align_corners: bool
    out_channels: int
    threshold: float


class Segmentor(nn.Module):
    """An ``EncoderDecoder``, as what :func:`unwrap_segmentor` returns."""

    data_preprocessor: DataPreprocessor
    decode_head: Union[DecodeHead, nn.ModuleList]
    encode_decode: Callable[[Tensor, List[Dict[str, Any]]], Tensor]
    test_step: Callable[[Any], List[Any]]
