import pytest
import torch

from mmseg_rppgd.attacks.base import predict_classes


@pytest.mark.parametrize('num_classes', [1, 2, 7])
def test_predicted_class_is_the_first_of_the_largest_logits(num_classes):
    logits = torch.randint(3, (2, num_classes, 9, 9)).float()  # many ties
    before = logits.clone()
    predicted = predict_classes(logits.requires_grad_())
    assert predicted.dtype == torch.int64
    assert torch.equal(predicted, before.argmax(1))
    assert torch.equal(logits, before)
